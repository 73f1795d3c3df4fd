"""Pyrogram's session file: SQLite, schema 1 to 6 without an address, 7 with one (kurigram since 2.2.10).

Schema 7 is the first that says where to connect. Pyrogram itself ends with schema 3 and keeps no address; what it reads
goes to Telegram's own, whatever the file says (pyrogram/storage/sqlite_storage.py of Pyrogram 2.0.106, kurigram 2.2.7
and 2.2.26). Both can be written: one is `PyrogramSqlite`, the other `Pyrogram2Sqlite`. What they put where:

- ``sessions``: one row. Without user_id or is_bot kurigram holds the session for empty and makes a new key, so a
  session of nobody is neither read nor written.
- ``peers``: by marked id, as Telethon has them, with a type in words; names are not kept. ``usernames`` since schema
  4, several for one peer.
- ``update_state`` since schema 5: id 0 is the account, others are channels by marked id, of which only pts counts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping

from telekeep.session.formats.form import Refusal
from telekeep.session.formats.format import (
    ADDRESS_RULE,
    DC_RULE,
    KEY_RULE,
    Findings,
    check_address,
    check_dc,
    check_key,
    counted,
    network_name,
)
from telekeep.session.formats.home import away, home
from telekeep.session.formats.tables import (
    DATABASE_RULE,
    INT64,
    LOGGED_IN_RULE,
    MEND,
    MOST_PEERS,
    PEERS_RULE,
    STATE_RULE,
    TABLES_RULE,
    UNDAMAGED_RULE,
    Columns,
    SqliteForm,
    database,
    held,
    kept_peers,
    kept_state,
    marked,
    named,
    no_address,
    unmarked,
    whole,
)
from telekeep.session.model import AuthKey, DataCenter, Peer, PeerKind, Session, UpdateState, User
from telekeep.session.network import TEST, Network, telegrams_own

_WITH_ADDRESS = 7
_ACCOUNT = 0  # the update state that is not a channel's
_AMONG_PEERS = "peers", "id", "username"
_ADDRESS = {"server_address", "port"}
_NEEDED = {
    "version": {"number"},
    "sessions": {"dc_id", "test_mode", "auth_key", "user_id", "is_bot"},
    "peers": {"id", "access_hash", "phone_number"},
}
_TYPES = {PeerKind.USER: "user", PeerKind.CHAT: "group", PeerKind.CHANNEL: "channel"}
# pyrogram/storage/sqlite_storage.py: SCHEMA of kurigram 2.2.26, and of Pyrogram 2.0.106
_SESSIONS = """
CREATE TABLE sessions (
    dc_id INTEGER PRIMARY KEY,{address} api_id INTEGER, test_mode INTEGER, auth_key BLOB, date INTEGER NOT NULL,
    user_id INTEGER, is_bot INTEGER
);
CREATE TABLE peers (
    id INTEGER PRIMARY KEY, access_hash INTEGER, type INTEGER NOT NULL,{username} phone_number TEXT,
    last_update_on INTEGER NOT NULL DEFAULT (CAST(STRFTIME('%s', 'now') AS INTEGER))
);
CREATE TABLE version (number INTEGER PRIMARY KEY);
CREATE INDEX idx_peers_id ON peers (id);
CREATE INDEX idx_peers_phone_number ON peers (phone_number);
CREATE TRIGGER trg_peers_last_update_on AFTER UPDATE ON peers
BEGIN
    UPDATE peers SET last_update_on = CAST(STRFTIME('%s', 'now') AS INTEGER) WHERE id = NEW.id;
END;
"""
_TABLES_3 = (
    _SESSIONS.format(address="", username=" username TEXT,")
    + """
CREATE INDEX idx_peers_username ON peers (username);
"""
)
_TABLES_7 = (
    _SESSIONS.format(address=" server_address TEXT, port INTEGER,", username="")
    + """
CREATE TABLE usernames (id INTEGER, username TEXT, FOREIGN KEY (id) REFERENCES peers(id));
CREATE TABLE update_state (id INTEGER PRIMARY KEY, pts INTEGER, qts INTEGER, date INTEGER, seq INTEGER);
CREATE INDEX idx_usernames_id ON usernames (id);
CREATE INDEX idx_usernames_username ON usernames (username);
"""
)
NOBODY = Refusal(
    "A Pyrogram session has to say whose it is, and this one does not know.",
    "everything: it does not say whose session it is",
    "Use it once, so that it is known: telekeep test NAME",
)


class PyrogramSqlite(SqliteForm):
    """The ``.session`` file that ``Client("name", …)`` of kurigram since 2.2.10 keeps."""

    name = "pyrogram-sqlite"
    subject = "This Pyrogram session file"
    library = "Pyrogram"
    texts = (
        DATABASE_RULE,
        UNDAMAGED_RULE,
        "has Pyrogram's schema, version 1 to 7",
        TABLES_RULE,
        LOGGED_IN_RULE,
        DC_RULE,
        ADDRESS_RULE,
        KEY_RULE,
        STATE_RULE,
        PEERS_RULE,
    )
    tables = frozenset({"version", "sessions", "peers"})
    version_column = "number"
    schemas = range(1, 8)
    newer = "Upgrade telekeep: a newer kurigram, or another Pyrogram, made this."
    loses_application = "the api hash"

    def needed(self, version: int) -> Mapping[str, set[str]]:
        if version < _WITH_ADDRESS:
            return _NEEDED
        return {**_NEEDED, "sessions": _NEEDED["sessions"] | _ADDRESS}

    def session(
        self, connection: sqlite3.Connection, columns: Columns, findings: Findings, network: Network | None
    ) -> Session | None:
        rows = connection.execute("SELECT dc_id, test_mode, auth_key, user_id, is_bot FROM sessions LIMIT 2").fetchall()
        if not findings.check(_not_logged_in(rows), found="yes", remedy="Log in: telekeep auth NAME"):
            return None
        dc_id, test_mode, key, user_id, is_bot = rows[0]
        host: object
        port: object
        if columns.of("sessions") >= _ADDRESS:
            host, port = connection.execute("SELECT server_address, port FROM sessions").fetchone()
        else:
            host, port = telegrams_own(dc_id, test=bool(test_mode), network=network)
        sound = [check_dc(findings, dc_id, network), check_address(findings, host, port), check_key(findings, key)]
        state = _check_state(findings, connection, columns)
        peers = _check_peers(findings, connection, columns)
        if not all(sound) or not isinstance(host, str) or not isinstance(port, int):
            return None
        dc = DataCenter(dc_id, host, port)
        name = TEST.name if test_mode and network is None else network_name(dc, network)
        return Session(dc, AuthKey(key), named(user_id, bool(is_bot), peers), state, peers, network=name)

    def held(self, session: Session) -> Session:
        peers = kept_peers(session.peers, names=False)
        user = _owner(session.user, peers)
        name = TEST.name if session.network == TEST.name else network_name(session.dc, None)
        return held(session, user=user, state=kept_state(session.state), peers=peers, network=name)

    def refusal(self, session: Session) -> Refusal | None:
        return no_address(session.dc) or (NOBODY if _owner(session.user, ()) is None else None)

    def encode(self, session: Session, variant: int | None) -> bytes:
        """Schema 7."""
        kept = self.held(session)
        address = (kept.dc.host, kept.dc.port)
        names = ((marked(peer.kind, peer.id), peer.username) for peer in kept.peers if peer.username)
        rows: dict[str, Iterator[tuple[object, ...]]] = {
            "version": iter([(7,)]),
            "sessions": iter([_row(session, kept, address)]),
            "peers (id, access_hash, type, phone_number)": _peer_rows(kept),
            "usernames": names,
            "update_state": _state_rows(kept.state),
        }
        return database(_TABLES_7, rows)


class Pyrogram2Sqlite(PyrogramSqlite):
    """The ``.session`` file of Pyrogram 2 itself: no address, no update state. Read like the other."""

    name = "pyrogram2-sqlite"
    follows_address = False

    def held(self, session: Session) -> Session:
        return held(super().held(session), state=None, dc=home(session))

    def refusal(self, session: Session) -> Refusal | None:
        return super().refusal(session) or away(session)

    def encode(self, session: Session, variant: int | None) -> bytes:
        """Schema 3."""
        kept = self.held(session)
        peers = ((*row[:3], peer.username, row[3]) for row, peer in zip(_peer_rows(kept), kept.peers, strict=True))
        rows: dict[str, Iterator[tuple[object, ...]]] = {
            "version": iter([(3,)]),
            "sessions": iter([_row(session, kept)]),
            "peers (id, access_hash, type, username, phone_number)": peers,
        }
        return database(_TABLES_3, rows)


def _owner(user: User | None, peers: tuple[Peer, ...]) -> User | None:
    return named(user.id, bool(user.is_bot), peers) if user else None


# ---- reading


def _not_logged_in(rows: list[tuple[object, ...]]) -> str | None:
    if len(rows) > 1:
        return "it holds more than one session"
    if not rows or not rows[0][2]:
        return "it holds no auth key: nobody has logged in with it"
    _, test_mode, _, user_id, is_bot = rows[0]
    if not isinstance(user_id, int) or not 1 <= user_id < INT64 or is_bot not in (0, 1):
        return "it does not say who is logged in: a login was begun and not finished"
    return None if test_mode in (0, 1, None) else "it does not say whether it is of the test network"


def _check_state(findings: Findings, connection: sqlite3.Connection, columns: Columns) -> UpdateState | None:
    account: tuple[int, int, int, int] | None = None
    channels: dict[int, int] = {}
    rows: list[tuple[object, ...]] = []
    if columns.of("update_state") >= {"id", "pts", "qts", "date", "seq"}:
        rows = connection.execute("SELECT id, pts, qts, date, seq FROM update_state LIMIT ?", (MOST_PEERS,)).fetchall()
    for number, *values in rows:
        pts, qts, date, seq = (whole(value) for value in values)
        if not isinstance(number, int) or any(value is not None and whole(value) is None for value in values):
            findings.check("a row of its update state is malformed", remedy=MEND.format("update_state"))
            return None
        kind, bare_id = unmarked(number) if number else (None, 0)
        if number == _ACCOUNT:
            account = (pts, qts or 0, date or 0, seq or 0) if pts and pts > 0 else None
        elif kind is PeerKind.CHANNEL and pts and pts > 0:  # of a channel's row, nothing else is used
            channels[bare_id] = pts
    if account is None:
        findings.check(None, found="none: what was missed will not be caught up")
        return None
    findings.check(None, found=f"pts {account[0]}, {counted(len(channels), 'channel')}")
    return UpdateState(*account, channels)


def _check_peers(findings: Findings, connection: sqlite3.Connection, columns: Columns) -> tuple[Peer, ...]:
    usernames = _usernames(connection, columns)
    peers: list[Peer] = []
    malformed = usernames is None
    for number, access_hash, phone in connection.execute(
        "SELECT id, access_hash, phone_number FROM peers LIMIT ?", (MOST_PEERS + 1,)
    ):
        if len(peers) == MOST_PEERS:
            findings.check(f"it has more than {MOST_PEERS} peers", remedy=MEND.format("peers"))
            return ()
        if not (isinstance(number, int) and isinstance(access_hash, int | None) and isinstance(phone, str | None)):
            malformed = True
        if malformed:
            break
        kind, bare_id = unmarked(number)
        name = (usernames or {}).get(number)
        peers.append(Peer(kind, bare_id, access_hash or None, name, phone or None))
    if malformed:
        findings.check("one of its peers is malformed", remedy=MEND.format("peers"))
        return ()
    findings.check(None, found=counted(len(peers), "peer"))
    return tuple(peers)


def _usernames(connection: sqlite3.Connection, columns: Columns) -> dict[int, str] | None:
    """The first username of each peer; None if they are malformed. Up to schema 3 they lie among the peers; pyrofork
    has columns of its own.
    """
    found: dict[int, str] = {}
    for table, number, username in (("usernames", "id", "username"), ("usernames", "peer_id", "id"), _AMONG_PEERS):
        if not columns.of(table) >= {number, username}:
            continue
        query = f"SELECT {number}, {username} FROM {table} WHERE {username} IS NOT NULL LIMIT ?"
        for peer, name in connection.execute(query, (MOST_PEERS,)):
            if not isinstance(peer, int) or not isinstance(name, str):
                return None
            if name:
                found.setdefault(peer, name)
    return found


# ---- writing


def _row(session: Session, kept: Session, address: tuple[object, ...] = ()) -> tuple[object, ...]:
    api_id = session.application.api_id if session.application else None
    user = kept.user
    is_test = kept.network == TEST.name
    # date 0: never saved yet
    return kept.dc.id, *address, api_id, is_test, kept.auth_key.reveal(), 0, user and user.id, user and user.is_bot


def _peer_rows(kept: Session) -> Iterator[tuple[object, ...]]:
    for peer in kept.peers:
        yield marked(peer.kind, peer.id), peer.access_hash or 0, _TYPES[peer.kind], peer.phone


def _state_rows(state: UpdateState | None) -> Iterator[tuple[object, ...]]:
    if state is None:
        return
    yield _ACCOUNT, state.pts, state.qts, state.date, state.seq
    for channel, pts in state.channels.items():
        yield marked(PeerKind.CHANNEL, channel), pts, None, None, None
