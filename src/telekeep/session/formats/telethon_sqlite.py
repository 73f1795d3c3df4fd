"""Telethon's session file: SQLite, schema 7 (Telethon up to 1.42) and 8 (since 1.43).

Schema 8 adds ``sessions.tmp_auth_key``. Telethon 1.43 and later upgrades 7 in place; 1.42 and earlier dies on 8, so 7
is what is written unless asked. What Telethon puts where (sessions/sqlite.py, client/telegrambaseclient.py):

- ``entities``: peers by marked id (user id; -chat id; -1000000000000 - channel id); a hash of 0 for none.
- entity 0 is no peer: its hash is the id of the user the session is logged in as.
- ``update_state``: id 0 is the account, others are channels by bare id, of which only pts counts. A pts of 0 means that
  nothing is known: Telethon writes zeros over it when it disconnects without ever having connected.

Files it has uploaded (``sent_files``), a takeout in progress and temporary keys are not part of a session.
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
from telekeep.session.formats.tables import (
    DATABASE_RULE,
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
from telekeep.session.model import AuthKey, DataCenter, Peer, Session, UpdateState, User
from telekeep.session.network import Network

_SELF = 0  # the entity that stands for "this is who I am"
_ACCOUNT = 0  # the update state that is not a channel's
_NEEDED = {
    "version": {"version"},
    "sessions": {"dc_id", "server_address", "port", "auth_key"},
    "entities": {"id", "hash", "username", "phone", "name"},
    "update_state": {"id", "pts", "qts", "date", "seq"},
}
_TABLES = """
CREATE TABLE version (version integer primary key);
CREATE TABLE sessions (
    dc_id integer primary key, server_address text, port integer, auth_key blob, takeout_id integer{temporary_key}
);
CREATE TABLE entities (
    id integer primary key, hash integer not null, username text, phone integer, name text, date integer
);
CREATE TABLE sent_files (
    md5_digest blob, file_size integer, type integer, id integer, hash integer,
    primary key(md5_digest, file_size, type)
);
CREATE TABLE update_state (id integer primary key, pts integer, qts integer, date integer, seq integer);
"""


class TelethonSqlite(SqliteForm):
    """The ``.session`` file that ``TelegramClient("name", …)`` keeps."""

    name = "telethon-sqlite"
    subject = "This Telethon session file"
    library = "Telethon"
    texts = (
        DATABASE_RULE,
        UNDAMAGED_RULE,
        "has Telethon's schema, version 7 or 8",
        TABLES_RULE,
        LOGGED_IN_RULE,
        DC_RULE,
        ADDRESS_RULE,
        KEY_RULE,
        STATE_RULE,
        PEERS_RULE,
    )
    tables = frozenset({"version", "sessions", "entities"})
    schemas = range(7, 9)
    variants = (7, 8)
    newer = "Upgrade telekeep: a newer Telethon made this."
    older = "Open a copy of it once with Telethon 1.40, which upgrades it to version 7."

    def claims(self, tables: frozenset[str] | None) -> bool:
        return tables is None or tables >= self.tables  # a database that is damaged is most likely one of these

    def needed(self, version: int) -> Mapping[str, set[str]]:
        return _NEEDED

    def session(
        self, connection: sqlite3.Connection, columns: Columns, findings: Findings, network: Network | None
    ) -> Session | None:
        rows = connection.execute("SELECT dc_id, server_address, port, auth_key FROM sessions LIMIT 2").fetchall()
        problem = "it holds more than one session" if len(rows) > 1 else None
        if not any(row[3] for row in rows):
            problem = "it holds no auth key: nobody has logged in with it"
        if not findings.check(problem, found="yes", remedy="Log in: telekeep auth NAME"):
            return None
        dc_id, host, port, key = rows[0]
        sound = [check_dc(findings, dc_id, network), check_address(findings, host, port), check_key(findings, key)]
        state = _check_state(findings, connection)
        user, peers = _check_peers(findings, connection)
        if not all(sound):
            return None
        dc = DataCenter(dc_id, host, port)
        return Session(dc, AuthKey(key), user, state, peers, network=network_name(dc, network))

    def held(self, session: Session) -> Session:
        peers = kept_peers(session.peers, names=True, digits=True)
        user = named(session.user.id if session.user else None, None, peers)
        state = kept_state(session.state)
        return held(session, user=user, state=state, peers=peers, network=network_name(session.dc, None))

    def refusal(self, session: Session) -> Refusal | None:
        return no_address(session.dc)

    def encode(self, session: Session, variant: int | None) -> bytes:
        """Schema 7, which every Telethon since 1.26 opens, unless 8 is asked for."""
        schema = variant or self.variants[0]
        kept = self.held(session)
        row = (kept.dc.id, kept.dc.host, kept.dc.port, kept.auth_key.reveal(), None)
        rows: dict[str, Iterator[tuple[object, ...]]] = {
            "version": iter([(schema,)]),
            "sessions": iter([row if schema == 7 else (*row, b"")]),  # no temporary key
            "entities": _entity_rows(kept),
            "update_state": _state_rows(kept.state),
        }
        return database(_TABLES.format(temporary_key=", tmp_auth_key blob" if schema == 8 else ""), rows)


# ---- reading


def _check_state(findings: Findings, connection: sqlite3.Connection) -> UpdateState | None:
    account: tuple[int, int, int, int] | None = None
    channels: dict[int, int] = {}
    for row in connection.execute("SELECT id, pts, qts, date, seq FROM update_state LIMIT ?", (MOST_PEERS,)):
        number, pts, qts, date, seq = (whole(value) for value in row)
        if number is None or number < 0 or pts is None:
            findings.check("a row of its update state is malformed", remedy=MEND.format("update_state"))
            return None
        if number != _ACCOUNT:
            if pts > 0:  # of a channel's row, Telethon uses nothing else
                channels[number] = pts
        elif qts is None or date is None or seq is None:
            findings.check("the account's row of its update state is malformed", remedy=MEND.format("update_state"))
            return None
        else:
            account = (pts, qts, date, seq)
    if account is None or account[0] <= 0:
        findings.check(None, found="none: what was missed will not be caught up")
        return None
    findings.check(None, found=f"pts {account[0]}, {counted(len(channels), 'channel')}")
    return UpdateState(*account, channels)


def _check_peers(findings: Findings, connection: sqlite3.Connection) -> tuple[User | None, tuple[Peer, ...]]:
    user_id: int | None = None
    peers: list[Peer] = []
    for row in connection.execute("SELECT id, hash, username, phone, name FROM entities LIMIT ?", (MOST_PEERS + 1,)):
        if len(peers) == MOST_PEERS:
            findings.check(f"it has more than {MOST_PEERS} peers", remedy=MEND.format("entities"))
            return None, ()
        number, access_hash, username, phone, name = row
        if not (
            isinstance(number, int)
            and isinstance(access_hash, int)
            and isinstance(username, str | None)
            and isinstance(phone, int | str | None)
            and isinstance(name, str | None)
        ):
            findings.check("one of its peers is malformed", remedy=MEND.format("entities"))
            return None, ()
        if number == _SELF:
            user_id = access_hash if access_hash > 0 else None
            continue
        kind, bare_id = unmarked(number)
        digits = str(phone) if phone else None
        peers.append(Peer(kind, bare_id, access_hash or None, username or None, digits, name or None))
    findings.check(None, found=counted(len(peers), "peer"))
    return named(user_id, None, peers), tuple(peers)


# ---- writing


def _entity_rows(kept: Session) -> Iterator[tuple[object, ...]]:
    # Telethon's date is when it last met a peer; unknown here, and it reads NULL as "long ago".
    if kept.user is not None:
        yield (_SELF, kept.user.id, None, None, None, None)
    for peer in kept.peers:
        yield (
            marked(peer.kind, peer.id),
            peer.access_hash or 0,
            peer.username,
            int(peer.phone) if peer.phone else None,
            peer.name,
            None,
        )


def _state_rows(state: UpdateState | None) -> Iterator[tuple[object, ...]]:
    if state is None:
        return
    yield (_ACCOUNT, state.pts, state.qts, state.date, state.seq)
    for channel, pts in state.channels.items():
        yield (channel, pts, 0, state.date, 0)
