"""What other libraries made is read whole: see fixtures/make.py for which, and at which version."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from session.fixtures import make
from session.samples import FIXTURES, fixture, fixture_session
from telekeep.errors import PasscodeNeeded, UnknownFormat
from telekeep.secret import Secret
from telekeep.session import formats
from telekeep.session.formats import bundle
from telekeep.session.formats.tdata import TData
from telekeep.session.model import AuthKey, DataCenter, Peer, PeerKind, Session, UpdateState, User
from telekeep.testing.contracts.formats import spelt_alike

HOME = DataCenter(2, "149.154.167.51", 443)
STATE = UpdateState(1234, 5, 1_704_153_600, 67, {make.CHANNEL: 890})


def key(name: str) -> AuthKey:
    return AuthKey(make.key(name))


def source(name: str) -> bytes:
    return formats.read_file(FIXTURES / name)


@pytest.mark.parametrize(
    ("name", "host"),
    [("gramjs", HOME.host), ("gramjs-host", "venus.web.telegram.org"), ("gramjs-ipv6", "2001:67c:4e8:f002::a")],
)
def test_a_string_of_gramjs_is_read_and_written_back_byte_for_byte(name: str, host: str) -> None:
    session = formats.read(source(f"{name}.txt"))
    assert session == Session(DataCenter(2, host, 443), key(name))
    assert formats.write(session, "gramjs-string") == source(f"{name}.txt")


def test_a_store_of_gramjs_brings_its_peers() -> None:
    found = source("gramjs-store")
    assert formats.recognise(found).name == "gramjs-store"
    session = formats.read(found)
    assert replace(session, peers=()) == Session(HOME, key("gramjs-store"))
    assert set(session.peers) == set(fixture_session("telethon-1.45").peers)


@pytest.mark.parametrize(("name", "user"), [("mtcute", User(make.SELF, False)), ("mtcute-plain", None)])
def test_a_string_of_mtcute_is_read(name: str, user: User | None) -> None:
    session = formats.read(source(f"{name}.txt"))
    assert session == Session(HOME, key(name), user)
    assert formats.read(formats.write(session, "mtcute-string")) == session
    if user is None:  # else it names a data center for files, too, which we do not keep
        assert formats.write(session, "mtcute-string") == source(f"{name}.txt")


def test_a_file_of_mtcute_is_read_whole() -> None:
    session = formats.read(source("mtcute.session"))
    assert (session.dc, session.auth_key, session.user, session.state) == (
        HOME,
        key("mtcute-file"),
        User(make.SELF, False, "ada_l"),
        STATE,
    )
    assert session.other_keys == {4: key("mtcute-file-4")}
    assert Peer(PeerKind.USER, make.SELF, -123456789, "ada_l", "15550100") in session.peers
    assert Peer(PeerKind.CHANNEL, make.CHANNEL, 42, "news") in session.peers
    assert len(session.peers) == 4


@pytest.mark.parametrize(("name", "username"), [("telethon-v2", "ada_l"), ("telethon-v2-alpha", None)])
def test_a_file_of_telethon_2_is_read_whole(name: str, username: str | None) -> None:
    assert formats.read(source(f"{name}.session")) == Session(HOME, key(name), User(make.SELF, False, username), STATE)


def test_a_file_of_pyrofork_is_read_whole() -> None:
    session = formats.read(source("pyrofork.session"))
    assert (session.auth_key, session.user, session.state) == (
        key("pyrofork"),
        User(make.SELF, False, "ada_l"),
        STATE,
    )
    assert {peer.username for peer in session.peers} == {"ada_l", "news", None}
    assert formats.read(source("pyrofork.txt")).auth_key == key("pyrofork")


@pytest.mark.parametrize("name", ["tdata-1.5", "tdata-2.0"])
def test_a_tdata_folder_gives_all_its_accounts(name: str) -> None:
    form, sessions = formats.read_all(source(name))
    assert form.name == "tdata"
    second = Session(DataCenter(4, "149.154.167.91", 443), key(f"{name}-second"), User(make.BOB))
    assert sessions == (Session(HOME, key(name), User(make.SELF)), second)


@pytest.mark.parametrize("name", ["telethon.session", "pyrogram.session", "kurigram.session", "tdata"])
def test_what_another_converter_wrote_is_read(name: str) -> None:
    found = formats.read(source(f"tgconvertor-{name}"))
    user = None if name == "telethon.session" else make.SELF  # nothing in it says whose it is
    assert (found.dc, found.auth_key, found.user and found.user.id) == (HOME, key("tgconvertor"), user)


@pytest.mark.parametrize("name", ["tdata-1.5-passcode", "tdata-2.0-passcode"])
def test_a_local_passcode_opens_it_and_nothing_else_does(name: str) -> None:
    """Telegram Desktop stretches it with Argon2id since 7.3, with PBKDF2 before."""
    for wrong in (None, Secret(b"4321")):
        with pytest.raises(PasscodeNeeded) as caught:
            formats.read_all(source(name), passcode=wrong)
        assert "--passcode-file" in (caught.value.remedy or "")
    _, sessions = formats.read_all(source(name), passcode=Secret(make.PASSCODE.encode()))
    assert sessions == (Session(HOME, key(name), User(make.SELF)),)


@pytest.mark.parametrize("passcode", [None, Secret("пароль".encode())])
def test_a_tdata_folder_is_written_as_it_is_read(passcode: Secret | None, tmp_path: Path) -> None:
    first = Session(HOME, key("first"), User(1), other_keys={4: key("first-4")})
    second = Session(DataCenter(2, "149.154.167.40", 443), key("second"), User(2), network="test")
    bundle.unpack(TData(passcode).write_all([first, second]), tmp_path / "tdata")
    assert (tmp_path / "tdata").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "tdata").rglob("*s") if path.is_file()} == {0o600}
    for place in (tmp_path / "tdata", tmp_path):  # as in a portable Telegram Desktop
        assert formats.read_all(formats.read_file(place), passcode=passcode)[1] == (first, second)


@pytest.mark.parametrize(
    ("said", "called"),
    [
        (b"<?php __HALT_COMPILER();\x01\x02", "MadelineProto"),
        (bundle.pack({"session.madeline/safe.php": b"<?php"}), "MadelineProto"),
        (bundle.pack({"td/td.binlog": b""}), "TDLib"),
    ],
)
def test_libraries_that_let_no_key_out_are_named_with_what_to_do(said: bytes, called: str) -> None:
    with pytest.raises(UnknownFormat, match=called) as caught:
        formats.read(said)
    assert "telekeep auth" in (caught.value.remedy or "")


def test_a_binlog_of_tdlib_is_told_by_its_first_event() -> None:
    import struct
    import zlib

    event = struct.pack("<IQiiQ", 36, 1, -1, 0, 0) + b"data"
    event += struct.pack("<I", zlib.crc32(event))
    with pytest.raises(UnknownFormat, match="TDLib"):
        formats.read(event + b"more")


@pytest.mark.parametrize("name", formats.FORMATS)
def test_every_format_knows_its_own_and_loses_no_key(name: str) -> None:
    sample = replace(fixture_session("telethon-1.45"), user=User(make.SELF, False, "ada_l"))
    written = formats.write(sample, name)
    known = formats.recognise(written).name
    assert known == (name if name != "pyrogram2-sqlite" else "pyrogram-sqlite")
    found = formats.read(written)
    assert (found.auth_key, found.dc) == (sample.auth_key, sample.dc)
    same = replace(found, user=sample.user) == sample
    assert same == (name == "telekeep-json") or formats.FORMATS[name].losses(sample) or name == "telethon-sqlite"


@pytest.mark.parametrize(("length", "layout"), [(362, 362), (356, 356), (351, 351)])
def test_older_layouts_of_pyrograms_string_are_written(length: int, layout: int) -> None:
    sample = Session(HOME, key("old"), User(7, True))
    written = formats.write(sample, "pyrogram-string", variant=layout)
    assert len(written) == length and formats.read(written) == sample


def test_peers_and_state_survive_the_way_through_every_format_that_holds_them() -> None:
    sample = replace(fixture_session("telethon-1.45"), user=User(make.SELF, False, "ada_l"))
    held = {name: formats.read(formats.write(sample, name)) for name in formats.FORMATS}
    assert {name for name, each in held.items() if each.state == sample.state} == {
        "telethon-sqlite", "telethon-v2", "pyrogram-sqlite", "mtcute-sqlite", "telekeep-json",
    }  # fmt: skip
    assert {name for name, each in held.items() if len(each.peers) == len(sample.peers)} == {
        "telethon-sqlite", "pyrogram-sqlite", "pyrogram2-sqlite", "gramjs-store", "mtcute-sqlite", "telekeep-json",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["pyrogram", "gramjs", "mtcute"])
def test_mixed_up_strings_are_told_apart(name: str) -> None:
    """Telethon says "unpack requires a buffer of 275 bytes" to them."""
    with pytest.raises(
        UnknownFormat, match=r"This is a (Pyrogram|GramJS|mtcute) string, not a Telethon string"
    ) as caught:
        formats.read(fixture(f"{name}.txt"), expected="telethon-string")
    assert "telekeep convert" in (caught.value.remedy or "")


def test_a_peer_that_mtcute_met_only_in_a_message_is_left_out(tmp_path: Path) -> None:
    """Its hash serves only together with that message ("min"): another library would be refused with it."""
    path = tmp_path / "mtcute.session"
    path.write_bytes(source("mtcute.session"))
    connection = sqlite3.connect(path)
    connection.execute("UPDATE peers SET isMin = 1 WHERE id = ?", (make.BOB,))
    connection.commit()
    connection.close()
    before, after = formats.read(source("mtcute.session")), formats.read(formats.read_file(path))
    assert {peer.id for peer in before.peers} - {peer.id for peer in after.peers} == {make.BOB}


@pytest.mark.parametrize("name", ["tdata-2.0", "gramjs-store"])
def test_a_folder_is_read_as_the_archive_that_people_send(name: str, tmp_path: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "sent"), "zip", FIXTURES, name))  # in a folder of its name
    (form, found), (same, wanted) = formats.read_all(formats.read_file(archive)), formats.read_all(source(name))
    assert form is same and list(map(spelt_alike, found)) == list(map(spelt_alike, wanted))
