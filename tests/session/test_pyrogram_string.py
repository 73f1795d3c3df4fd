"""Pyrogram's strings, as the libraries make them and as people paste them."""

import base64
import struct
from dataclasses import replace

import pytest

from session.fixtures import make
from session.samples import fixture
from telekeep.errors import FormatLoss, SessionCorrupt, UnknownFormat
from telekeep.session import formats
from telekeep.session.model import AuthKey, DataCenter, Session, User
from telekeep.session.network import TEST, Address, Network

STRING = formats.FORMATS["pyrogram-string"]
SOUND = fixture("pyrogram.txt")
KEY = make.key("pyrogram")
NEWEST, WIDE, NARROW = ">BI?256sQ?", ">B?256sQ?", ">B?256sI?"


def packed(layout: str = NEWEST, dc: int = 2, *, test: bool = False, key: bytes = KEY, user: int = 777001, bot=False):
    api_id = (12345,) if layout == NEWEST else ()
    return base64.urlsafe_b64encode(struct.pack(layout, dc, *api_id, test, key, user, bot)).rstrip(b"=")


def session(**changes) -> Session:
    return replace(Session(DataCenter(2, "149.154.167.51", 443), AuthKey(KEY), User(777001, False)), **changes)


@pytest.mark.parametrize("name", ["pyrogram", "pyrogram-2.0", "kurigram-2.2.7"])
def test_what_the_libraries_export_is_read(name):
    assert formats.recognise(fixture(f"{name}.txt")) is STRING
    assert formats.read(fixture(f"{name}.txt")) == session(auth_key=AuthKey(make.key(name)))


@pytest.mark.parametrize(("layout", "length"), [(NEWEST, 362), (WIDE, 356), (NARROW, 351)])
def test_each_layout_is_told_by_its_length(layout, length):
    source = packed(layout, 4, bot=True)
    assert len(source) == length
    read = formats.read(source)
    assert (read.dc, read.user) == (DataCenter(4, "149.154.167.91", 443), User(777001, True))
    assert formats.read(source + b"==") == read


@pytest.mark.judge
async def test_kurigram_opens_what_is_written():
    from pyrogram.storage import SQLiteStorage

    storage = SQLiteStorage("x", None, session_string=STRING.write(session()).decode(), in_memory=True)
    await storage.open()
    try:
        found = [await getattr(storage, field)() for field in ("dc_id", "server_address", "auth_key", "user_id")]
        assert found == [2, "149.154.167.51", KEY, 777001]
        assert (await storage.is_bot(), await storage.test_mode()) == (0, 0)
    finally:
        await storage.close()


def test_what_is_written_is_the_newest_layout():
    assert formats.read(STRING.write(session())) == session()
    assert len(STRING.write(session())) == 362


def test_one_of_the_test_network_says_so():
    theirs = session(dc=DataCenter(3, TEST.dc(3).host, 443), network="test")
    assert formats.read(STRING.write(theirs)) == theirs
    assert formats.read(packed(dc=3, test=True)).dc == theirs.dc


def test_without_an_address_it_belongs_to_the_network_that_is_named():
    own = Network("mine", (Address(2, "127.0.0.2", 4430),))
    read = formats.read(SOUND, network=own)
    assert (read.dc, read.network) == (DataCenter(2, "127.0.0.2", 4430), "mine")


def test_a_loan_can_never_be_one():
    loan = session(dc=DataCenter(2, "127.0.0.2", 4711), network="mine")
    with pytest.raises(FormatLoss, match="no place for an address") as caught:
        STRING.write(loan)
    assert "pyrogram-sqlite" in caught.value.remedy
    assert any("address" in each for each in caught.value.losses)


def test_a_session_of_nobody_is_refused_as_a_program_would_log_in_anew():
    with pytest.raises(FormatLoss, match="whose it is"):
        STRING.write(session(user=None))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (SOUND + b"\n", "line break"),
        (b'"' + SOUND + b'"', "quotation marks"),
        (b"SESSION=" + SOUND, "name of a variable"),
        (SOUND[:100] + b"\n" + SOUND[100:], "2 lines"),
        (SOUND.translate(bytes.maketrans(b"-_", b"+/")), "its letters were changed"),
        (packed(key=bytes(256)), "zeros"),
        (packed(user=0), "names no user"),
        (packed(dc=5, test=True), "data center"),
    ],
)
def test_a_damaged_string_is_refused_with_what_is_wrong(source, says):
    with pytest.raises(SessionCorrupt, match=says) as caught:
        formats.read(source)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "source",
    [SOUND[:-1], SOUND + b"A", packed(dc=0), packed(dc=6), b"A" * 360, b"1" * 362, b"z" * 362],
    ids=["short", "long", "DC 0", "DC 6", "As", "ones", "z"],
)
def test_what_is_none_is_an_unknown_format(source):
    assert not STRING.recognises(source)
    with pytest.raises((UnknownFormat, SessionCorrupt)):
        formats.read(source)


def test_a_telethon_string_without_its_first_character_is_not_taken_for_one():
    for name in ("ipv4", "ipv6"):
        source = fixture(f"telethon-1.45-{name}.txt")
        assert not STRING.recognises(source[1:])
        assert formats.recognise(source).name == "telethon-string"
