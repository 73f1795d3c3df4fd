"""Telethon's strings, as Telethon makes them and as people paste them."""

import base64
import ipaddress
import struct

import pytest
from telethon.sessions import StringSession

from session.fixtures import make
from session.samples import fixture, fixture_session
from telekeep.errors import FormatLoss, SessionCorrupt, UnknownFormat
from telekeep.session import formats
from telekeep.session.model import AuthKey, DataCenter, Session
from telekeep.session.network import Address, Network

STRING = formats.FORMATS["telethon-string"]
SOUND = fixture("telethon-1.45-ipv4.txt")
IPV6 = fixture("telethon-1.45-ipv6.txt")
KEY = make.key("telethon-1.45")


def packed(dc: int = 2, host: str = "149.154.167.51", port: int = 443, key: bytes = KEY) -> bytes:
    address = ipaddress.ip_address(host).packed
    raw = struct.pack(f">B{len(address)}sH256s", dc, address, port, key)
    return b"1" + base64.urlsafe_b64encode(raw)


@pytest.mark.parametrize("version", ["1.40", "1.45"])
@pytest.mark.parametrize(
    ("family", "host", "length"), [("ipv4", "149.154.167.51", 353), ("ipv6", "2001:67c:4e8:f002::a", 369)]
)
def test_what_telethon_saved_is_read_and_written_back_byte_for_byte(version, family, host, length):
    source = fixture(f"telethon-{version}-{family}.txt")
    assert len(source) == length
    session = formats.read(source)
    assert session == Session(DataCenter(2, host, 443), AuthKey(make.key(f"telethon-{version}")))
    assert STRING.write(session) == source


def test_telethon_reads_what_is_written():
    session = fixture_session("telethon-1.45")
    seen = StringSession(STRING.write(session).decode())
    assert (seen.dc_id, seen.server_address, seen.port) == (2, "149.154.167.51", 443)
    assert seen.auth_key.key == KEY
    assert seen.auth_key.key_id == session.auth_key.id


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (SOUND[:-1], "352 characters"),
        (SOUND[:300], "cut off"),
        (SOUND + b"A", "354 characters"),
        (SOUND + b"\n", "line break"),
        (SOUND + b"\r\n", "line break"),
        (b"\n" + SOUND, "line break"),
        (SOUND[:100] + b"\n" + SOUND[100:200] + b"\n" + SOUND[200:], "3 lines"),
        (b'"' + SOUND + b'"', "quotation marks"),
        (b"'" + SOUND + b"'", "quotation marks"),
        ("“".encode() + SOUND + "”".encode(), "quotation marks"),
        (b" " + SOUND, "blanks"),
        (SOUND[:100] + b" " + SOUND[100:], "blanks inside"),
        (b"TELEGRAM_SESSION_STRING=" + SOUND, "name of a variable"),
        (b'export SESSION="' + SOUND + b'"', "name of a variable before it and quotation marks"),
        (b"\xef\xbb\xbf" + SOUND, "byte order mark"),
        (SOUND.decode().encode("utf-16"), "byte order mark of a UTF-16 file"),
        (SOUND[:100] + b"+" + SOUND[101:], "character 101"),
        (SOUND[:100] + b"/" + SOUND[101:], "character 101"),
        (SOUND[:100] + "é".encode() + SOUND[101:], "character 101"),
        (SOUND[:100] + b"=" + SOUND[101:], "character 101"),
        (SOUND[:-2] + b"_=", "last characters"),
        (SOUND[:-1] + b"A", "last characters"),
        (packed(key=bytes(256)), "zeros"),
        (packed(dc=0), "data center 0"),
        (packed(dc=6), "data center 6"),
        (packed(dc=255), "data center 255"),
        (packed(port=0), "port"),
        (packed(host="0.0.0.0"), "address"),
        (packed(host="::"), "address"),
    ],
)
def test_a_damaged_string_is_refused_with_what_is_wrong(source, says):
    """000-F4, 000-14: Telethon itself answers with a struct.error, or not at all."""
    with pytest.raises(SessionCorrupt, match=says) as caught:
        formats.read(source)
    assert caught.value.remedy
    assert sum(not rule.ok for rule in formats.check(source)[1]) >= 1


@pytest.mark.parametrize(
    "source",
    [b"", b"1", b"hello", b"X" + SOUND[1:], b"2" + SOUND[1:], b"X" + SOUND, SOUND[1:], b"1" * 5000, b"\0" * 353],
    ids=["empty", "one", "hello", "X for 1", "2 for 1", "X before", "without 1", "far too long", "zeros"],
)
def test_what_is_no_telethon_string_is_an_unknown_format(source):
    with pytest.raises(UnknownFormat) as caught:
        formats.read(source)
    assert caught.value.remedy


def test_only_the_rule_that_is_broken_is_reported_broken():
    for source, broken in ((SOUND + b"\n", "one line"), (b'"' + SOUND + b'"', "alone"), (packed(dc=9), "data center")):
        rules = formats.check(source)[1]
        assert [broken in rule.text for rule in rules if not rule.ok] == [True]
        assert len(rules) == 8


def test_check_says_of_a_string_with_a_wrong_first_character_which_rule_it_breaks():
    found, rules = formats.check(b"X" + SOUND[1:])
    assert found.name == "telethon-string"
    assert not rules[0].ok
    assert "version" in rules[0].text


def test_a_network_of_ones_own_may_have_other_data_centers():
    own = Network("mine", (Address(7, "127.0.0.1", 4430),))
    session = formats.read(packed(dc=7, host="127.0.0.1", port=4430), network=own)
    assert session.dc == DataCenter(7, "127.0.0.1", 4430)
    assert session.network == "mine"


def test_an_address_of_the_test_network_tells_the_network():
    assert formats.read(packed(host="149.154.167.40")).network == "test"
    assert formats.read(packed()).network == "production"


def test_a_host_name_does_not_fit_into_a_string():
    session = Session(DataCenter(2, "localhost", 443), AuthKey(KEY))
    with pytest.raises(FormatLoss, match="IP address") as caught:
        STRING.write(session)
    assert caught.value.losses


# ---- strings of other libraries


def gramjs(address: bytes) -> bytes:
    """gramjs sessions/StringSession.ts, save(): dc, length of the address, address, port, key; standard base64."""
    raw = struct.pack(">BH", 2, len(address)) + address + struct.pack(">H", 443) + KEY
    return b"1" + base64.b64encode(raw)


@pytest.mark.parametrize("address", [b"91.108.56.130", b"149.154.167.91", b"149.154.175.100"])
def test_a_gramjs_string_is_not_taken_for_a_telethon_string_of_the_same_length(address):
    source = gramjs(address)
    assert len(source) == len(IPV6)
    assert not STRING.recognises(source)
    assert formats.recognise(source).name == "gramjs-string"
    assert formats.read(source) == Session(DataCenter(2, address.decode(), 443), AuthKey(KEY))


@pytest.mark.parametrize("address", [b"149.154.167.91", b"2001:67c:4e8:f002::a", b"venus.web.telegram.org"])
def test_a_gramjs_string_is_read_in_either_base64_alphabet(address):
    for source in (gramjs(address), gramjs(address).translate(bytes.maketrans(b"+/", b"-_"))):
        assert formats.read(source).dc.host == address.decode()
        with pytest.raises(UnknownFormat) as caught:
            STRING.read(b"2" + source[1:])
        assert caught.value.remedy


def test_a_telethon_string_is_taken_for_no_other_library_s():
    for source in (SOUND, IPV6, packed(host="2000::e")):
        assert formats.recognise(source).name == "telethon-string"
