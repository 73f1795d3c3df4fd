"""Pyrogram's session files, as kurigram and older Pyrograms make them, and as kurigram finds what we write."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from session.fixtures import make
from session.samples import fixture
from telekeep.errors import FormatLoss, SessionCorrupt, UnknownFormat
from telekeep.secret import Secret
from telekeep.session import formats
from telekeep.session.model import Application, AuthKey, DataCenter, Peer, PeerKind, Session, UpdateState, User
from telekeep.session.network import TEST, Address, Network

SQLITE = formats.FORMATS["pyrogram-sqlite"]
CHANNEL_MARKED = -1_000_000_000_000 - make.CHANNEL


def expected(name: str) -> Session:
    """What make.py put into the file of that name."""
    state = UpdateState(1234, 5, 1_704_153_600, 67, {make.CHANNEL: 890}) if name == "pyrogram" else None
    return Session(
        DataCenter(2, "149.154.167.51", 443),
        AuthKey(make.key(name)),
        User(make.SELF, False, "ada_l"),
        state,
        (
            Peer(PeerKind.CHANNEL, make.CHANNEL, 42, "news"),
            Peer(PeerKind.CHAT, make.CHAT),
            Peer(PeerKind.USER, make.SELF, -123456789, "ada_l", "15550100"),
            Peer(PeerKind.USER, make.BOB, 987654321),
        ),
    )


def changed(name: str, *statements: str, path: Path) -> bytes:
    """A fixture after ``statements``."""
    path.write_bytes(fixture(name))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["pyrogram", "pyrogram-2.0", "kurigram-2.2.7"])
def test_what_each_library_kept_is_read_whole(name):
    assert formats.recognise(fixture(f"{name}.session")) is SQLITE
    assert formats.read(fixture(f"{name}.session")) == expected(name)


def test_a_file_without_an_address_belongs_to_the_network_that_is_named():
    own = Network("mine", (Address(2, "127.0.0.2", 4430),))
    old = formats.read(fixture("pyrogram-2.0.session"), network=own)
    assert (old.dc, old.network) == (DataCenter(2, "127.0.0.2", 4430), "mine")
    new = formats.read(fixture("pyrogram.session"), network=own)
    assert new.dc.host == "149.154.167.51", "what a file says counts"


def test_one_of_the_test_network_is_known_as_such(tmp_path):
    source = changed("pyrogram-2.0.session", "UPDATE sessions SET test_mode = 1", path=tmp_path / "x")
    read = formats.read(source)
    assert (read.dc.host, read.network) == (TEST.dc(2).host, "test")
    assert formats.read(SQLITE.write(read)) == read


@pytest.mark.judge
async def test_kurigram_opens_what_is_written_and_finds_everything(tmp_path):
    from pyrogram import raw
    from pyrogram.storage import SQLiteStorage

    session = replace(expected("pyrogram"), application=Application(12345, Secret(b"0" * 32)))
    (tmp_path / "written.session").write_bytes(SQLITE.write(session))
    storage = SQLiteStorage("written", tmp_path)
    await storage.open()
    try:
        # what Client.load_session looks at: nothing of it may be missing, or it makes a key and asks for a number
        fields = ("dc_id", "server_address", "port", "api_id", "test_mode", "auth_key", "user_id", "is_bot")
        found = [await getattr(storage, field)() for field in fields]
        assert found == [2, "149.154.167.51", 443, 12345, 0, session.auth_key.reveal(), make.SELF, 0]
        assert await storage.get_peer_by_id(make.BOB) == raw.types.InputPeerUser(
            user_id=make.BOB, access_hash=987654321
        )
        assert await storage.get_peer_by_id(-make.CHAT) == raw.types.InputPeerChat(chat_id=make.CHAT)
        assert await storage.get_peer_by_id(CHANNEL_MARKED) == raw.types.InputPeerChannel(
            channel_id=make.CHANNEL, access_hash=42
        )
        own = raw.types.InputPeerUser(user_id=make.SELF, access_hash=-123456789)
        assert await storage.get_peer_by_phone_number("15550100") == own
        states = {each.id: each for each in await storage.get_update_states()}
        assert (states[0].pts, states[0].qts, states[0].date, states[0].seq) == (1234, 5, 1_704_153_600, 67)
        assert states[CHANNEL_MARKED].pts == 890
        await storage.update_peers([(9, 10, "user", None)])
        await storage.update_usernames([(9, ["nine"])])
        await storage.save()
        assert await storage.get_peer_by_username("nine") == raw.types.InputPeerUser(user_id=9, access_hash=10)
    finally:
        await storage.close()
    after = formats.read(formats.read_file(tmp_path / "written.session"))
    assert Peer(PeerKind.USER, 9, 10, "nine") in after.peers


def test_a_written_file_has_exactly_the_tables_that_kurigram_makes():
    def schema(source: bytes) -> dict[str, list[tuple]]:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(source)
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            found = {name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in names}
            others = connection.execute("SELECT type, name FROM sqlite_master WHERE type != 'table'").fetchall()
            return found | {"others": sorted(others)}

    written = SQLITE.write(expected("pyrogram"))
    assert schema(written) == schema(fixture("pyrogram.session"))
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(written)
        assert connection.execute("SELECT number FROM version").fetchall() == [(7,)]


def test_a_session_of_nobody_is_refused_as_a_program_would_log_in_anew():
    with pytest.raises(FormatLoss, match="whose it is"):
        SQLITE.write(replace(expected("pyrogram"), user=None))


def test_what_is_no_address_is_refused():
    with pytest.raises(FormatLoss, match="no address"):
        SQLITE.write(replace(expected("pyrogram"), dc=DataCenter(2, "no address", 443)))


def test_what_does_not_fit_is_a_stated_loss():
    peers = (Peer(PeerKind.USER, 5, None, "who"), Peer(PeerKind.CHANNEL, 6, 7, None, None, "News"))
    session = replace(expected("pyrogram"), peers=peers, user=User(make.SELF, None))
    losses = " ".join(SQLITE.losses(session))
    assert "1 of 2 peers" in losses and "names of its peers" in losses and "a bot" in losses


@pytest.mark.parametrize(
    ("statement", "error", "says"),
    [
        ("UPDATE version SET number = 8", UnknownFormat, "version 8"),
        ("UPDATE version SET number = 0", UnknownFormat, "version 0"),
        ("DELETE FROM version", UnknownFormat, "does not say which version"),
        ("ALTER TABLE sessions DROP COLUMN server_address", SessionCorrupt, "sessions"),
        ("ALTER TABLE peers RENAME COLUMN access_hash TO crash", SessionCorrupt, "peers"),
        ("DELETE FROM sessions", SessionCorrupt, "no auth key"),
        ("UPDATE sessions SET auth_key = NULL", SessionCorrupt, "no auth key"),
        ("UPDATE sessions SET auth_key = x'0102'", SessionCorrupt, "256 bytes"),
        ("UPDATE sessions SET auth_key = zeroblob(256)", SessionCorrupt, "zeros"),
        ("UPDATE sessions SET user_id = NULL", SessionCorrupt, "who is logged in"),
        ("UPDATE sessions SET is_bot = NULL", SessionCorrupt, "who is logged in"),
        ("UPDATE sessions SET test_mode = 'x'", SessionCorrupt, "test network"),
        ("UPDATE sessions SET dc_id = 9", SessionCorrupt, "data center 9"),
        ("UPDATE sessions SET server_address = 'no address'", SessionCorrupt, "address"),
        ("UPDATE sessions SET server_address = NULL", SessionCorrupt, "address"),
        ("UPDATE sessions SET port = 0", SessionCorrupt, "port"),
        (
            "INSERT INTO sessions SELECT 3, server_address, port, api_id, test_mode, auth_key, date, user_id, is_bot "
            "FROM sessions",
            SessionCorrupt,
            "more than one session",
        ),
        ("UPDATE update_state SET pts = 'many'", SessionCorrupt, "update state"),
        ("UPDATE peers SET access_hash = 'x'", SessionCorrupt, "peers"),
        ("UPDATE peers SET phone_number = x'ff'", SessionCorrupt, "peers"),
        ("UPDATE usernames SET username = x'ff'", SessionCorrupt, "peers"),
        ("ALTER TABLE sessions RENAME TO elsewhere", UnknownFormat, "not a session"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_with_that_rule(statement, error, says, tmp_path):
    source = changed("pyrogram.session", statement, path=tmp_path / "x.session")
    with pytest.raises(error, match=says) as caught:
        formats.read(source)
    assert caught.value.remedy


def test_a_login_that_was_never_finished_is_none():
    """kurigram writes the key before anybody has logged in; Telegram knows it, and nobody."""
    with pytest.raises(SessionCorrupt, match="begun and not finished"):
        formats.read(fixture("pyrogram-empty.session"))


HARM = {
    "a view for sessions": (
        "ALTER TABLE sessions RENAME TO kept",
        "CREATE VIEW sessions AS SELECT * FROM kept",
    ),
    "a view that never ends": (
        "DROP TABLE peers",
        "CREATE VIEW peers AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x AS id, "
        "x AS access_hash, 'user' AS type, '' AS phone_number FROM c",
    ),
    "a computed column": (
        "DROP TABLE peers",
        "CREATE TABLE peers (id integer primary key, type, phone_number, access_hash AS (length(hex(zeroblob(1000)))))",
        "INSERT INTO peers VALUES (1, 'user', '')",
    ),
    "a virtual table": (
        "DROP TABLE peers",
        "CREATE VIRTUAL TABLE peers USING fts5(id, access_hash, type, phone_number)",
    ),
    "a key that is computed": (
        "DROP TABLE sessions",
        "CREATE TABLE sessions (dc_id, server_address, port, api_id, test_mode, date, user_id, is_bot, "
        "auth_key AS (zeroblob(256)))",
    ),
}


@pytest.mark.parametrize("statements", HARM.values(), ids=HARM)
def test_nothing_that_a_file_brings_along_is_executed(statements, tmp_path):
    source = changed("pyrogram.session", *statements, path=tmp_path / "x.session")
    with pytest.raises((SessionCorrupt, UnknownFormat)):
        formats.read(source)


def test_triggers_stay_asleep_and_so_does_the_one_that_kurigram_makes(tmp_path):
    bad = "CREATE TRIGGER bad AFTER INSERT ON peers BEGIN DELETE FROM sessions; END"
    assert formats.read(changed("pyrogram.session", bad, path=tmp_path / "x.session")) == expected("pyrogram")


def test_a_file_in_use_is_read_as_it_was_committed(tmp_path):
    path = tmp_path / "used.session"
    shutil.copy(Path(__file__).parent / "fixtures" / "pyrogram.session", path)
    with closing(sqlite3.connect(path)) as program:
        program.execute("UPDATE update_state SET pts = 9999 WHERE id = 0")
        assert formats.read(formats.read_file(path)) == expected("pyrogram")
