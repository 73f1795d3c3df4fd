"""Pyrogram's session file: SQLite, schema 1 to 6 without an address, 7 with one (kurigram since 2.2.10).

Schema 7 is what is written: it is the first that says where to connect. Pyrogram itself ends with schema 3 and keeps no
address; what it reads goes to Telegram's own, whatever the file says (pyrogram/storage/sqlite_storage.py of Pyrogram
2.0.106, kurigram 2.2.7 and 2.2.26). What they put where:

- ``sessions``: one row. Without user_id or is_bot kurigram holds the session for empty and makes a new key, so a
  session of nobody is neither read nor written.
- ``peers``: by marked id, as Telethon has them, with a type in words; names are not kept. ``usernames`` since schema
  4, several for one peer.
- ``update_state`` since schema 5: id 0 is the account, others are channels by marked id, of which only pts counts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
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
from telekeep.session.network import TEST, Network, telegrams_own

SCHEMA = 7
_WITH_ADDRESS = 7
_ACCOUNT = 0  # the update state that is not a channel's
_ADDRESS = frozenset({"server_address", "port"})
_NEEDED = {
    "version": {"number"},
    "sessions": {"dc_id", "test_mode", "auth_key", "user_id", "is_bot"},
    "peers": {"id", "access_hash", "phone_number"},
}
_TYPES = {PeerKind.USER: "user", PeerKind.CHAT: "group", PeerKind.CHANNEL: "channel"}
# pyrogram/storage/sqlite_storage.py of kurigram 2.2.26, SCHEMA
_TABLES = """
CREATE TABLE sessions (
    dc_id INTEGER PRIMARY KEY, server_address TEXT, port INTEGER, api_id INTEGER, test_mode INTEGER, auth_key BLOB,
    date INTEGER NOT NULL, user_id INTEGER, is_bot INTEGER
);
CREATE TABLE peers (
    id INTEGER PRIMARY KEY, access_hash INTEGER, type INTEGER NOT NULL, phone_number TEXT,
    last_update_on INTEGER NOT NULL DEFAULT (CAST(STRFTIME('%s', 'now') AS INTEGER))
);
CREATE TABLE usernames (id INTEGER, username TEXT, FOREIGN KEY (id) REFERENCES peers(id));
CREATE TABLE update_state (id INTEGER PRIMARY KEY, pts INTEGER, qts INTEGER, date INTEGER, seq INTEGER);
CREATE TABLE version (number INTEGER PRIMARY KEY);
CREATE INDEX idx_peers_id ON peers (id);
CREATE INDEX idx_peers_phone_number ON peers (phone_number);
CREATE INDEX idx_usernames_id ON usernames (id);
CREATE INDEX idx_usernames_username ON usernames (username);
CREATE TRIGGER trg_peers_last_update_on AFTER UPDATE ON peers
BEGIN
    UPDATE peers SET last_update_on = CAST(STRFTIME('%s', 'now') AS INTEGER) WHERE id = NEW.id;
END;
"""


class PyrogramSqlite:
    """The ``.session`` file that ``Client("name", …)`` of kurigram and other Pyrograms keeps."""

    name = "pyrogram-sqlite"
    is_text = False

    def recognises(self, source: bytes) -> bool:
        if not image.is_database(source):
            return False
        tables = image.table_names(source)
        return tables is not None and tables >= {"version", "sessions", "peers"}

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
            lost.append("the api hash")
        if held.user is None:
            lost.append("everything: it does not say whose session it is")
        elif session.user is not None and session.user.is_bot is None:
            lost.append("that it is not known whether it is a bot: it is written as a person's")
        if held.user and session.user and (session.user.username or "").lower() != (held.user.username or ""):
            lost.append("its own username")
        if held.state != session.state:
            lost.append("the update state: it has numbers that Pyrogram does not keep")
        if any(peer.name for peer in session.peers):
            lost.append("the names of its peers")
        nameless = {replace(_plain(peer), name=None) for peer in session.peers}
        if gone := len(nameless - set(held.peers)):
            lost.append(f"{gone} of {counted(len(session.peers), 'peer')}, or what is odd about them")
        if not fits(session.dc):
            lost.append("its address: no client could connect to it")
        return tuple(lost)

    def write(self, session: Session) -> bytes:
        """``session`` as a file of schema 7, which kurigram 2.2.10 and newer opens."""
        held = _held(session)
        if held.user is None or not fits(session.dc):
            raise FormatLoss(
                "A Pyrogram session has to say whose it is, and this one does not know."
                if held.user is None
                else f"{session.dc.host!r} port {session.dc.port} of data center {session.dc.id} is no address.",
                losses=self.losses(session),
                remedy="Use it once, so that it is known: telekeep test NAME" if held.user is None else None,
            )
        connection = sqlite3.connect(":memory:")
        try:
            connection.executescript(_TABLES)
            connection.execute("INSERT INTO version VALUES (?)", (SCHEMA,))
            # date 0: never saved yet
            row = (
                held.dc.id,
                held.dc.host,
                held.dc.port,
                session.application.api_id if session.application else None,
                held.network == TEST.name,
                held.auth_key.reveal(),
                0,
                held.user.id,
                bool(held.user.is_bot),
            )
            connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            connection.executemany("INSERT INTO peers VALUES (?, ?, ?, ?, 0)", _peer_rows(held))
            connection.executemany("INSERT INTO usernames VALUES (?, ?)", _username_rows(held))
            connection.executemany("INSERT INTO update_state VALUES (?, ?, ?, ?, ?)", _state_rows(held.state))
            connection.commit()
            return connection.serialize()
        finally:
            connection.close()


# ---- reading


def _examine(source: bytes, network: Network | None) -> tuple[Findings, Session | None]:
    findings = Findings(
        "This Pyrogram session file",
        DATABASE_RULE,
        UNDAMAGED_RULE,
        f"has Pyrogram's schema, version 1 to {SCHEMA}",
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
    version = _check_version(findings, connection, columns)
    if version is None:
        return None
    lacking = columns.lacking(_NEEDED)
    if version >= _WITH_ADDRESS and not columns.of("sessions") >= _ADDRESS:
        lacking.append("sessions")
    if not findings.check(f"its tables differ from Pyrogram's: {', '.join(lacking)}" if lacking else None, found="yes"):
        return None
    rows = connection.execute("SELECT dc_id, test_mode, auth_key, user_id, is_bot FROM sessions LIMIT 2").fetchall()
    if not findings.check(_not_logged_in(rows), found="yes", remedy="Log in: telekeep auth NAME"):
        return None
    dc_id, test_mode, key, user_id, is_bot = rows[0]
    host: object
    port: object
    if version >= _WITH_ADDRESS:
        host, port = connection.execute("SELECT server_address, port FROM sessions").fetchone()
    else:
        host, port = telegrams_own(dc_id, test=bool(test_mode), network=network)
    sound = [check_dc(findings, dc_id, network), check_address(findings, host, port), check_key(findings, key)]
    state = _check_state(findings, connection, columns)
    peers = _check_peers(findings, connection, columns)
    if not all(sound) or not isinstance(host, str) or not isinstance(port, int):
        return None
    dc = DataCenter(dc_id, host, port)
    own = (peer.username for peer in peers if peer.kind is PeerKind.USER and peer.id == user_id)
    user = User(user_id, bool(is_bot), next(own, None))
    name = TEST.name if test_mode and network is None else network_name(dc, network)
    return Session(dc, AuthKey(key), user, state, peers, network=name)


def _check_version(findings: Findings, connection: sqlite3.Connection, columns: Columns) -> int | None:
    rows: list[tuple[object]] = []
    if "number" in columns.of("version"):
        rows = connection.execute("SELECT number FROM version LIMIT 2").fetchall()
    version = the_version(rows)
    if version is None:
        findings.check("it does not say which version of the schema it has", error=UnknownFormat)
        return None
    known = 1 <= version <= SCHEMA
    problem = None if known else f"it has version {version} of the schema, not 1 to {SCHEMA}"
    remedy = "Upgrade telekeep: a newer kurigram, or another Pyrogram, made this."
    if not findings.check(problem, found=f"version {version}", error=UnknownFormat, remedy=remedy):
        return None
    return version


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
    """The first username of each peer; None if they are malformed. Up to schema 3 they lie among the peers."""
    found: dict[int, str] = {}
    for table in ("usernames", "peers"):
        if not columns.of(table) >= {"id", "username"}:
            continue
        query = f"SELECT id, username FROM {table} WHERE username IS NOT NULL LIMIT ?"
        for number, username in connection.execute(query, (MOST_PEERS,)):
            if not isinstance(number, int) or not isinstance(username, str):
                return None
            if username:
                found.setdefault(number, username)
    return found


# ---- writing


def _held(session: Session) -> Session:
    """What of ``session`` a file gives back: the one place that says what does not fit."""
    peers = {}
    for peer in map(_plain, session.peers):
        if (number := marked(peer.kind, peer.id)) is not None and (kept := _kept(peer)) is not None:
            peers[number] = kept
    ordered = tuple(peers[number] for number in sorted(peers))
    user = session.user if session.user and 1 <= session.user.id < INT64 else None
    if user is not None:
        own = (peer.username for peer in ordered if peer.kind is PeerKind.USER and peer.id == user.id)
        user = User(user.id, bool(user.is_bot), next(own, None))
    name = TEST.name if session.network == TEST.name else network_name(session.dc, None)
    state = session.state if _is_whole(session.state) else None
    return replace(session, user=user, state=state, peers=ordered, application=None, network=name)


def _plain(peer: Peer) -> Peer:
    """As Pyrogram spells it: usernames in lower case, phone numbers without a plus, no names, nothing empty."""
    username = clean(peer.username.lower()) if peer.username else None
    phone = clean(peer.phone.removeprefix("+")) if peer.phone else None
    return Peer(peer.kind, peer.id, peer.access_hash, username, phone)


def _kept(peer: Peer) -> Peer | None:
    access_hash = peer.access_hash or None
    if peer.kind is PeerKind.CHAT:
        access_hash = None  # a chat has none
    elif access_hash is None or not -INT64 <= access_hash < INT64:
        return None  # with a made-up hash a program would ask Telegram for a stranger
    return peer if access_hash == peer.access_hash else replace(peer, access_hash=access_hash)


def _is_whole(state: UpdateState | None) -> bool:
    if state is None:
        return False
    numbers = (state.qts, state.seq, *state.channels.values())
    return (
        0 < state.pts < INT64
        and 0 <= state.date <= LAST_DATE
        and all(-INT64 <= number < INT64 for number in numbers)
        and all(marked(PeerKind.CHANNEL, each) and pts > 0 for each, pts in state.channels.items())
    )


def _peer_rows(held: Session) -> Iterator[tuple[int | str | None, ...]]:
    for peer in held.peers:
        yield marked(peer.kind, peer.id), peer.access_hash or 0, _TYPES[peer.kind], peer.phone


def _username_rows(held: Session) -> Iterator[tuple[int | str | None, ...]]:
    for peer in held.peers:
        if peer.username:
            yield marked(peer.kind, peer.id), peer.username


def _state_rows(state: UpdateState | None) -> Iterator[tuple[int | None, ...]]:
    if state is None:
        return
    yield _ACCOUNT, state.pts, state.qts, state.date, state.seq
    for channel, pts in state.channels.items():
        yield marked(PeerKind.CHANNEL, channel), pts, None, None, None
