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
from collections.abc import Iterable, Iterator
from dataclasses import replace

from telekeep.errors import FormatLoss, SessionCorrupt, UnknownFormat
from telekeep.session.formats import foreign, image
from telekeep.session.formats.format import (
    ADDRESS_RULE,
    DC_RULE,
    KEY_RULE,
    Findings,
    Rule,
    check_address,
    check_dc,
    check_key,
    counted,
    network_name,
)
from telekeep.session.formats.tables import (
    DATABASE_RULE,
    INT64,
    LAST_DATE,
    LOGGED_IN_RULE,
    MEND,
    MOST_PEERS,
    PEERS_RULE,
    STATE_RULE,
    TABLES_RULE,
    UNDAMAGED_RULE,
    Columns,
    clean,
    examined,
    fits,
    marked,
    the_version,
    unmarked,
    whole,
)
from telekeep.session.model import AuthKey, DataCenter, Peer, PeerKind, Session, UpdateState, User
from telekeep.session.network import Network

SCHEMAS = (7, 8)
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


class TelethonSqlite:
    """The ``.session`` file that ``TelegramClient("name", …)`` keeps."""

    name = "telethon-sqlite"
    is_text = False

    def recognises(self, source: bytes) -> bool:
        if not image.is_database(source):
            return False
        tables = image.table_names(source)
        return tables is None or tables >= {"version", "sessions", "entities"}

    def rules(self, source: bytes, *, network: Network | None = None) -> tuple[Rule, ...]:
        return _examine(source, network)[0].rules

    def read(self, source: bytes, *, network: Network | None = None) -> Session:
        if not self.recognises(source):
            raise foreign.unknown(source)
        findings, session = _examine(source, network)
        if session is None:
            raise findings.error or SessionCorrupt()
        return session

    def losses(self, session: Session) -> tuple[str, ...]:
        held = _held(session)
        lost = []
        if held.network != session.network:
            lost.append(f"the name of its network, {session.network}")
        if session.application is not None:
            lost.append("the api id and hash")
        if session.user is not None and held.user is None:
            lost.append("whom it is logged in as")
        elif session.user is not None and held.user is not None:
            if session.user.is_bot is not None:
                lost.append("whether it is a bot")
            if (session.user.username or "").lower() != (held.user.username or ""):
                lost.append("its own username")
        if held.state != session.state:
            lost.append("the update state: it has numbers that Telethon does not keep")
        if gone := len({_plain(peer) for peer in session.peers} - set(held.peers)):
            lost.append(f"{gone} of {counted(len(session.peers), 'peer')}, or what is odd about them")
        if not fits(session.dc):
            lost.append("its address: no client could connect to it")
        return tuple(lost)

    def write(self, session: Session, *, schema: int = SCHEMAS[0]) -> bytes:
        """``session`` as a file of ``schema`` 7, which every Telethon since 1.26 opens, or 8."""
        if schema not in SCHEMAS:
            raise ValueError(f"Telethon's schema {schema} cannot be written")
        if not fits(session.dc):
            raise FormatLoss(
                f"{session.dc.host!r} port {session.dc.port} of data center {session.dc.id} is no address.",
                losses=self.losses(session),
            )
        held = _held(session)
        connection = sqlite3.connect(":memory:")
        try:
            connection.executescript(_TABLES.format(temporary_key=", tmp_auth_key blob" if schema == 8 else ""))
            connection.execute("INSERT INTO version VALUES (?)", (schema,))
            row: list[object] = [held.dc.id, held.dc.host, held.dc.port, held.auth_key.reveal(), None]
            row += [b""] * (schema - 7)  # no temporary key
            connection.execute(f"INSERT INTO sessions VALUES ({', '.join('?' * len(row))})", row)
            # Telethon's date is when it last met a peer; unknown here, and it reads NULL as "long ago".
            connection.executemany("INSERT INTO entities VALUES (?, ?, ?, ?, ?, NULL)", _entity_rows(held))
            connection.executemany("INSERT INTO update_state VALUES (?, ?, ?, ?, ?)", _state_rows(held.state))
            connection.commit()
            return connection.serialize()
        finally:
            connection.close()


# ---- reading


def _examine(source: bytes, network: Network | None) -> tuple[Findings, Session | None]:
    findings = Findings(
        "This Telethon session file",
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

    def session(connection: sqlite3.Connection, findings: Findings) -> Session | None:
        return _session(connection, findings, network)

    return findings, examined(source, findings, session)


def _session(connection: sqlite3.Connection, findings: Findings, network: Network | None) -> Session | None:
    columns = Columns(connection)
    if not _check_version(findings, connection, columns):
        return None
    lacking = columns.lacking(_NEEDED)
    if not findings.check(f"its tables differ from Telethon's: {', '.join(lacking)}" if lacking else None, found="yes"):
        return None
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


def _check_version(findings: Findings, connection: sqlite3.Connection, columns: Columns) -> bool:
    rows: list[tuple[object]] = []
    if "version" in columns.of("version"):
        rows = connection.execute("SELECT version FROM version LIMIT 2").fetchall()
    version = the_version(rows)
    if version in SCHEMAS:
        return findings.check(None, found=f"version {version}")
    if version is None:
        return findings.check("it does not say which version of the schema it has", error=UnknownFormat)
    remedy = "Upgrade telekeep: a newer Telethon made this."
    if version < SCHEMAS[0]:
        remedy = "Open a copy of it once with Telethon 1.40, which upgrades it to version 7."
    return findings.check(f"it has version {version} of the schema, not 7 or 8", error=UnknownFormat, remedy=remedy)


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
    return _user(user_id, peers), tuple(peers)


def _user(user_id: int | None, peers: Iterable[Peer]) -> User | None:
    if user_id is None:
        return None
    own = (peer.username for peer in peers if peer.kind is PeerKind.USER and peer.id == user_id)
    return User(user_id, None, next(own, None))


# ---- writing


def _held(session: Session) -> Session:
    """What of ``session`` a file gives back: the one place that says what does not fit."""
    peers = {}
    for peer in map(_plain, session.peers):
        if (number := marked(peer.kind, peer.id)) is not None and (kept := _kept(peer)) is not None:
            peers[number] = kept
    ordered = tuple(peers[number] for number in sorted(peers))
    user = session.user if session.user and 1 <= session.user.id < INT64 else None
    return replace(
        session,
        user=_user(user.id if user else None, ordered),
        state=session.state if _iswhole(session.state) else None,
        peers=ordered,
        application=None,
        network=network_name(session.dc, None),
    )


def _plain(peer: Peer) -> Peer:
    """As Telethon spells it: usernames in lower case, phone numbers without a plus, nothing empty."""
    username = clean(peer.username.lower()) if peer.username else None
    phone = peer.phone.removeprefix("+") or None if peer.phone else None
    return Peer(peer.kind, peer.id, peer.access_hash, username, phone, clean(peer.name) if peer.name else None)


def _kept(peer: Peer) -> Peer | None:
    phone = peer.phone
    if phone and not (phone.isascii() and phone.isdigit() and phone[0] != "0" and int(phone) < INT64):
        phone = None
    access_hash = peer.access_hash or None
    if peer.kind is PeerKind.CHAT:
        access_hash = None  # a chat has none
    elif access_hash is None or not -INT64 <= access_hash < INT64:
        return None  # with a made-up hash Telethon would ask Telegram for a stranger
    if access_hash == peer.access_hash and phone == peer.phone:
        return peer
    return replace(peer, access_hash=access_hash, phone=phone)


def _iswhole(state: UpdateState | None) -> bool:
    if state is None:
        return False
    numbers = (state.qts, state.seq, *state.channels, *state.channels.values())
    return (
        0 < state.pts < INT64
        and 0 <= state.date <= LAST_DATE
        and all(-INT64 <= number < INT64 for number in numbers)
        and all(channel > 0 and pts > 0 for channel, pts in state.channels.items())
    )


def _entity_rows(held: Session) -> Iterator[tuple[int | str | None, ...]]:
    if held.user is not None:
        yield (_SELF, held.user.id, None, None, None)
    for peer in held.peers:
        yield (
            marked(peer.kind, peer.id),
            peer.access_hash or 0,
            peer.username,
            int(peer.phone) if peer.phone else None,
            peer.name,
        )


def _state_rows(state: UpdateState | None) -> Iterator[tuple[int, ...]]:
    if state is None:
        return
    yield (_ACCOUNT, state.pts, state.qts, state.date, state.seq)
    for channel, pts in state.channels.items():
        yield (channel, pts, 0, state.date, 0)
