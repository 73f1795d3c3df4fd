"""Telethon's session files, as Telethon makes them, and as it finds what we write."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
import telethon
from telethon.sessions import SQLiteSession
from telethon.tl import types

from session.fixtures import make
from session.samples import fixture, fixture_session
from telekeep.errors import FormatLoss, SessionCorrupt, UnknownFormat
from telekeep.session import formats
from telekeep.session.model import DataCenter, Peer, PeerKind, UpdateState, User

SQLITE = formats.FORMATS["telethon-sqlite"]
KNOWS_SCHEMA_8 = tuple(map(int, telethon.__version__.split(".")[:2])) >= (1, 43)
needs_schema_8 = pytest.mark.skipif(not KNOWS_SCHEMA_8, reason="this Telethon is older than schema 8")


def changed(name: str, *statements: str, path) -> bytes:
    """A fixture after ``statements``."""
    path.write_bytes(fixture(name))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["telethon-1.40", "telethon-1.45"])
def test_what_telethon_kept_is_read_whole(name):
    assert formats.read(fixture(f"{name}.session")) == fixture_session(name)


def test_a_file_that_telethon_upgraded_in_place_is_read_as_before():
    assert formats.read(fixture("telethon-1.40-upgraded.session")) == fixture_session("telethon-1.40")


@pytest.mark.parametrize("name", ["telethon-1.40", "telethon-1.45"])
def test_an_update_state_that_telethon_zeroed_is_unknown_not_zero(name):
    session = formats.read(fixture(f"{name}-zeroed.session"))
    assert session == replace(fixture_session(name), state=None)


@pytest.mark.parametrize("schema", [7, pytest.param(8, marks=needs_schema_8)])
def test_telethon_opens_what_is_written_and_finds_everything(schema, tmp_path):
    session = fixture_session("telethon-1.45")
    path = tmp_path / "written.session"
    path.write_bytes(SQLITE.write(session, variant=schema))
    seen = SQLiteSession(str(path))
    assert seen.auth_key.key == session.auth_key.reveal()
    assert (seen.dc_id, seen.server_address, seen.port) == (2, "149.154.167.51", 443)
    assert seen.takeout_id is None
    # How TelegramClient finds out who it is, and where it was (client/telegrambaseclient.py, connect).
    assert seen.get_input_entity(0) == types.InputPeerUser(0, make.SELF)
    assert seen.get_input_entity(make.SELF) == types.InputPeerUser(make.SELF, -123456789)
    assert seen.get_input_entity("ada_l") == types.InputPeerUser(make.SELF, -123456789)
    assert seen.get_input_entity("+15550100") == types.InputPeerUser(make.SELF, -123456789)
    assert seen.get_input_entity("Bob Ünal") == types.InputPeerUser(make.BOB, 987654321)
    assert seen.get_input_entity(types.PeerChat(make.CHAT)) == types.InputPeerChat(make.CHAT)
    assert seen.get_input_entity(make.CHANNEL) == types.InputPeerChannel(make.CHANNEL, 42)
    states = dict(seen.get_update_states())
    assert (states[0].pts, states[0].qts, states[0].seq) == (1234, 5, 67)
    assert states[0].date.timestamp() == 1_704_153_600
    assert states[make.CHANNEL].pts == 890
    # And it can go on from there.
    seen.process_entities(types.contacts.ResolvedPeer(None, [types.InputPeerUser(9, 10)], []))
    seen.set_update_state(0, types.updates.State(2000, 5, states[0].date, 67, unread_count=0))
    seen.close()
    after = formats.read(formats.read_file(path))
    assert after.state.pts == 2000
    assert Peer(PeerKind.USER, 9, 10) in after.peers


@pytest.mark.parametrize("schema", [7, 8])
def test_a_written_file_has_exactly_the_tables_that_telethon_makes(schema, tmp_path):
    def tables(source: bytes) -> dict[str, list[tuple]]:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(source)
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in names}

    theirs = {7: "telethon-1.40.session", 8: "telethon-1.45.session"}[schema]
    written = SQLITE.write(fixture_session("telethon-1.45"), variant=schema)
    assert tables(written) == tables(fixture(theirs))
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(written)
        assert connection.execute("SELECT version FROM version").fetchall() == [(schema,)]


def test_who_is_logged_in_survives_although_the_own_peer_is_not_known():
    session = replace(fixture_session("telethon-1.45"), peers=(), user=User(make.SELF))
    assert formats.read(SQLITE.write(session)).user == User(make.SELF)
    assert SQLITE.losses(session) == ()


def test_peers_that_telethon_cannot_address_are_a_stated_loss():
    peers = (Peer(PeerKind.USER, 5, None, "who"), Peer(PeerKind.CHANNEL, 6, 7), Peer(PeerKind.USER, -5, 7))
    session = replace(fixture_session("telethon-1.45"), peers=peers, user=None)
    assert SQLITE.losses(session) == ("2 of 3 peers, or what is odd about them",)
    assert formats.read(SQLITE.write(session)).peers == (Peer(PeerKind.CHANNEL, 6, 7),)


def test_zeros_are_never_written_as_an_update_state():
    session = replace(fixture_session("telethon-1.45"), state=UpdateState(0, 0, 0, 0))
    assert SQLITE.losses(session)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(SQLITE.write(session))
        assert connection.execute("SELECT count(*) FROM update_state").fetchone() == (0,)


def test_what_is_no_address_is_refused():
    session = replace(fixture_session("telethon-1.45"), dc=DataCenter(2, "no address", 443))
    with pytest.raises(FormatLoss):
        SQLITE.write(session)


@pytest.mark.parametrize("name", ["telethon-1.40-empty.session", "telethon-1.45-empty.session"])
def test_a_file_that_nobody_logged_in_with_says_so(name):
    with pytest.raises(SessionCorrupt, match="nobody has logged in") as caught:
        formats.read(fixture(name))
    assert "telekeep auth" in caught.value.remedy


@pytest.mark.parametrize(
    ("statement", "error", "says"),
    [
        ("UPDATE version SET version = 6", UnknownFormat, "version 6"),
        ("UPDATE version SET version = 9", UnknownFormat, "version 9"),
        ("DELETE FROM version", UnknownFormat, "which version"),
        ("INSERT INTO version VALUES (8)", UnknownFormat, "which version"),
        ("DELETE FROM sessions", SessionCorrupt, "nobody has logged in"),
        ("UPDATE sessions SET auth_key = NULL", SessionCorrupt, "nobody has logged in"),
        ("UPDATE sessions SET auth_key = zeroblob(256)", SessionCorrupt, "zeros"),
        ("UPDATE sessions SET auth_key = randomblob(255)", SessionCorrupt, "256 bytes"),
        ("UPDATE sessions SET auth_key = 'text'", SessionCorrupt, "256 bytes"),
        ("UPDATE sessions SET dc_id = 9", SessionCorrupt, "data center 9"),
        ("UPDATE sessions SET port = 0", SessionCorrupt, "port"),
        ("UPDATE sessions SET port = 'http'", SessionCorrupt, "port"),
        ("UPDATE sessions SET server_address = 'nowhere at all'", SessionCorrupt, "address"),
        ("UPDATE sessions SET server_address = NULL", SessionCorrupt, "address"),
        ("INSERT INTO sessions VALUES (4, '149.154.167.91', 443, x'00', NULL)", SessionCorrupt, "more than one"),
        ("DROP TABLE update_state", SessionCorrupt, "update_state"),
        ("ALTER TABLE entities RENAME COLUMN hash TO crash", SessionCorrupt, "entities"),
        ("UPDATE update_state SET pts = 'many'", SessionCorrupt, "update state"),
        ("UPDATE update_state SET pts = 9e999", SessionCorrupt, "update state"),
        ("UPDATE update_state SET date = NULL", SessionCorrupt, "update state"),
        ("UPDATE entities SET hash = 'x' WHERE id > 0", SessionCorrupt, "peers"),
        ("UPDATE entities SET name = x'ff' WHERE id > 0", SessionCorrupt, "peers"),
        ("ALTER TABLE sessions RENAME TO elsewhere", UnknownFormat, "lacks Telethon's tables"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_with_that_rule(statement, error, says, tmp_path):
    """004-F1: versions are told apart without touching the file."""
    source = changed("telethon-1.40.session", statement, path=tmp_path / "x.session")
    with pytest.raises(error, match=says) as caught:
        formats.read(source)
    assert caught.value.remedy


def test_a_name_that_is_not_utf_8_does_not_keep_the_key_away(tmp_path):
    source = changed(
        "telethon-1.40.session",
        "UPDATE entities SET name = CAST(x'41ff42' AS TEXT) WHERE id = 777001",
        path=tmp_path / "x",
    )
    assert "A\ufffdB" in {peer.name for peer in formats.read(source).peers}


def test_files_of_other_libraries_are_named(tmp_path):
    with closing(sqlite3.connect(tmp_path / "v2.session")) as connection:
        for table in ("version", "datacenter", "user", "state", "channelstate"):
            connection.execute(f"CREATE TABLE {table} (id)")
    with pytest.raises(UnknownFormat, match="Telethon 2"):
        formats.read((tmp_path / "v2.session").read_bytes())


# ---- files made to do harm


HARM = {
    "a view for sessions": (
        "ALTER TABLE sessions RENAME TO kept",
        "CREATE VIEW sessions AS SELECT * FROM kept",
    ),
    "a view that never ends": (
        "DROP TABLE entities",
        "CREATE VIEW entities AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x AS id, "
        "x AS hash, '' AS username, 1 AS phone, '' AS name FROM c",
    ),
    "a computed column": (
        "DROP TABLE entities",
        "CREATE TABLE entities (id integer primary key, username, phone, name, hash AS (length(hex(zeroblob(1000)))))",
        "INSERT INTO entities VALUES (1, '', 1, '')",
    ),
    "a virtual table": (
        "DROP TABLE entities",
        "CREATE VIRTUAL TABLE entities USING fts5(id, hash, username, phone, name)",
    ),
}


@pytest.mark.parametrize("statements", HARM.values(), ids=HARM)
def test_nothing_that_a_file_brings_along_is_executed(statements, tmp_path):
    source = changed("telethon-1.40.session", *statements, path=tmp_path / "x.session")
    with pytest.raises((SessionCorrupt, UnknownFormat)):
        formats.read(source)


def test_check_constraints_are_not_asked(tmp_path):
    source = changed(
        "telethon-1.40.session",
        "PRAGMA ignore_check_constraints = ON",
        "DROP TABLE update_state",
        "CREATE TABLE update_state (id integer primary key, pts, qts, date, seq, CHECK (hex(zeroblob(9000000)) = ''))",
        "INSERT INTO update_state VALUES (0, 1234, 5, 1704153600, 67), (1900000003, 890, 0, 0, 0)",
        path=tmp_path / "x.session",
    )
    assert formats.read(source) == fixture_session("telethon-1.40")


def test_triggers_stay_asleep(tmp_path):
    source = changed(
        "telethon-1.40.session",
        "CREATE TRIGGER bad AFTER INSERT ON entities BEGIN DELETE FROM sessions; END",
        path=tmp_path / "x.session",
    )
    assert formats.read(source) == fixture_session("telethon-1.40")


def test_a_file_cut_off_at_any_page_is_damaged_not_unknown():
    source = fixture("telethon-1.45.session")
    for pages in range(1, len(source) // 4096):
        with pytest.raises(SessionCorrupt):
            formats.read(source[: pages * 4096])
