"""mtcute's session file: SQLite with a table of values, one of keys, and one of peers.

packages/core/src/storage: ``key_value`` holds, packed, ``dc_main`` (`mtcute_dc`), ``current_user`` and where updates
were seen; ``auth_keys`` a key for each data center; ``peers`` are by marked id. Which schema each table has stands in
``mtcute_migrations``; tables that are not there mtcute makes itself.

In ``peers.complete`` lies the TL object of a peer, in the layer of its day. One that it cannot read, mtcute takes for
unknown and fetches when it needs it (storage/service/base.ts, highlevel/storage/service/peers.ts): so nothing is
written there, and the access hash serves. A ``isMin`` peer has a hash that serves only together with a message.
"""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Iterable, Mapping
from dataclasses import replace

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
)
from telekeep.session.formats.mtcute_dc import held_network, mtcute_network, no_place, read_dc, write_dc
from telekeep.session.formats.packed import Ended, Packed, tl_bytes
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
    unmarked,
)
from telekeep.session.model import KEY_BYTES, AuthKey, Peer, PeerKind, Session, UpdateState, User
from telekeep.session.network import Network

_INT53 = 1 << 53  # JavaScript's numbers are whole below it
_INT32 = (1 << 31) - 1
_BOT, _NAMES = 1, 2
_STATE = ("pts", "qts", "date", "seq")
_CHANNEL = "updates_channel:"
_MOST_NAMES = 64
_LONGEST_NAMES = 16_384  # characters of a list of usernames
_LONGEST_NAME = 512
_NEEDED = {
    "key_value": {"key", "value"},
    "auth_keys": {"dc", "key"},
}
_OF_PEERS = {"id", "hash", "usernames", "phone"}
_TABLES = """
CREATE TABLE mtcute_migrations (repo text not null primary key, version integer not null);
CREATE TABLE key_value (key text primary key, value blob not null);
CREATE TABLE auth_keys (dc integer primary key, key blob not null);
CREATE TABLE temp_auth_keys (
    dc integer not null, idx integer not null, key blob not null, expires integer not null, primary key (dc, idx)
);
CREATE TABLE peers (
    id integer primary key, hash text not null, usernames json not null, updated integer not null, phone text,
    complete blob, isMin integer not null default false
);
CREATE INDEX idx_peers_usernames ON peers (usernames);
CREATE INDEX idx_peers_phone ON peers (phone);
"""


class MtcuteSqlite(SqliteForm):
    """The file that mtcute's ``SqliteStorage`` keeps."""

    name = "mtcute-sqlite"
    subject = "This mtcute session file"
    library = "mtcute"
    texts = (
        DATABASE_RULE,
        UNDAMAGED_RULE,
        TABLES_RULE,
        LOGGED_IN_RULE,
        DC_RULE,
        ADDRESS_RULE,
        KEY_RULE,
        STATE_RULE,
        PEERS_RULE,
    )
    tables = frozenset({"key_value", "auth_keys", "mtcute_migrations"})
    version_column = None  # each table has its own

    def needed(self, version: int) -> Mapping[str, set[str]]:
        return _NEEDED

    def session(
        self, connection: sqlite3.Connection, columns: Columns, findings: Findings, network: Network | None
    ) -> Session | None:
        values = _values(connection)
        keys = dict(connection.execute("SELECT dc, key FROM auth_keys LIMIT 64").fetchall())
        place = read_dc(values.get("dc_main", b""))
        key = keys.get(place[0].id) if place else None
        problem = None if place else "it names no data center: nobody has logged in with it"
        if place and not key:
            problem = "it holds no auth key: nobody has logged in with it"
        if not findings.check(problem, found="yes", remedy="Log in: telekeep auth NAME") or place is None:
            return None
        dc, is_test = place
        sound = [
            check_dc(findings, dc.id, network),
            check_address(findings, dc.host, dc.port),
            check_key(findings, key),
        ]
        state = _check_state(findings, values)
        peers = _check_peers(findings, connection, columns)
        if not all(sound) or not isinstance(key, bytes):
            return None
        others = {each: AuthKey(found) for each, found in keys.items() if each != dc.id and _is_key(each, found)}
        user, name = _user(values.get("current_user", b"")), mtcute_network(dc, is_test, network)
        return Session(dc, AuthKey(key), user, state, peers, network=name, other_keys=others)

    def held(self, session: Session) -> Session:
        user = session.user
        owner = User(user.id, bool(user.is_bot), _ascii(user.username)) if user and 1 <= user.id < _INT53 else None
        others = {each: key for each, key in session.other_keys.items() if 1 <= each <= 5 and each != session.dc.id}
        state = kept_state(session.state, most=_INT32)
        name = held_network(session)
        peers = tuple(map(_held_peer, kept_peers(session.peers, names=False)))
        known = tuple(peer for peer in peers if abs(marked(peer.kind, peer.id) or 0) < _INT53)
        return held(session, user=owner, state=state, peers=known, other_keys=others, network=name)

    def refusal(self, session: Session) -> Refusal | None:
        return no_place(session.dc)

    def encode(self, session: Session, variant: int | None) -> bytes:
        kept = self.held(session)
        values = {"dc_main": write_dc(session), **_state_values(kept.state)}
        if kept.user:
            values["current_user"] = _packed(kept.user)
        keys = {kept.dc.id: kept.auth_key, **kept.other_keys}
        rows: dict[str, Iterable[tuple[object, ...]]] = {
            "mtcute_migrations": [("kv", 1), ("auth_keys", 1), ("peers", 2)],
            "key_value": values.items(),
            "auth_keys": [(dc_id, key.reveal()) for dc_id, key in keys.items()],
            "peers (id, hash, usernames, updated, phone, complete)": map(_peer_row, kept.peers),
        }
        return database(_TABLES, rows)


def _is_key(dc_id: object, key: object) -> bool:
    return type(dc_id) is int and 1 <= dc_id <= 5 and isinstance(key, bytes) and len(key) == KEY_BYTES and any(key)


def _held_peer(peer: Peer) -> Peer:
    return peer if len(peer.username or "") <= _LONGEST_NAME else replace(peer, username=None)


def _ascii(username: str | None) -> str | None:
    return username if username and username.isascii() and len(username) < 254 else None


# ---- reading


def _values(connection: sqlite3.Connection) -> dict[str, bytes]:
    rows = connection.execute("SELECT key, value FROM key_value LIMIT ?", (MOST_PEERS,))
    return {key: value for key, value in rows if isinstance(key, str) and isinstance(value, bytes)}


def _user(data: bytes) -> User | None:
    """Who is logged in; None if that is not known."""
    reader = Packed(data, "<")
    try:
        version, flags, user_id = reader.number("i"), reader.number("i"), reader.number("q")
        names = [reader.tl_bytes() for _ in range(min(reader.number("i"), _MOST_NAMES))] if flags & _NAMES else []
    except Ended:
        return None
    if version != 1 or not 1 <= user_id < _INT53:
        return None
    name = names[0].decode("ascii", "replace") if names else None
    return User(user_id, bool(flags & _BOT), name or None)


def _check_state(findings: Findings, values: Mapping[str, bytes]) -> UpdateState | None:
    numbers = [_int32(values.get(f"updates_{each}")) for each in _STATE]
    channels = {}
    for key, value in values.items():
        digits = key.removeprefix(_CHANNEL) if key.startswith(_CHANNEL) else ""
        pts = _int32(value)
        if digits.isascii() and digits.isdigit() and len(digits) < 19 and pts is not None and pts > 0:
            channels[int(digits)] = pts
    pts, qts, date, seq = numbers
    if pts is None or qts is None or date is None or seq is None or pts <= 0:
        findings.check(None, found="none: what was missed will not be caught up")
        return None
    findings.check(None, found=f"pts {pts}, {counted(len(channels), 'channel')}")
    return UpdateState(pts, qts, date, seq, channels)


def _int32(value: bytes | None) -> int | None:
    return int.from_bytes(value, "little", signed=True) if value is not None and len(value) == 4 else None


def _check_peers(findings: Findings, connection: sqlite3.Connection, columns: Columns) -> tuple[Peer, ...]:
    rows: list[tuple[object, ...]] = []
    if columns.of("peers") >= _OF_PEERS:
        whole = "WHERE NOT isMin" if "isMin" in columns.of("peers") else ""
        query = f"SELECT id, hash, usernames, phone FROM peers {whole} LIMIT ?"
        rows = connection.execute(query, (MOST_PEERS,)).fetchall()
    peers = [_peer(*row) for row in rows]
    if None in peers:
        findings.check("one of its peers is malformed", remedy=MEND.format("peers"))
        return ()
    findings.check(None, found=counted(len(peers), "peer"))
    return tuple(peer for peer in peers if peer is not None)


def _peer(number: object, access_hash: object, usernames: object, phone: object) -> Peer | None:
    if type(number) is not int or not isinstance(access_hash, str) or not isinstance(phone, str | None):
        return None
    try:
        names = json.loads(usernames) if isinstance(usernames, str) and len(usernames) <= _LONGEST_NAMES else []
        halves = [int(half) for half in access_hash.split("|")] if 0 < len(access_hash) < 32 else []
        whole_hash = struct.unpack("<q", struct.pack("<ii", *halves))[0] if len(halves) == 2 else None
    except (ValueError, struct.error, RecursionError):
        return None
    kind, bare_id = unmarked(number)
    name = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else None
    return Peer(kind, bare_id, None if kind is PeerKind.CHAT else whole_hash or None, name or None, phone or None)


# ---- writing


def _packed(user: User) -> bytes:
    flags = (_BOT if user.is_bot else 0) | (_NAMES if user.username else 0)
    names = struct.pack("<i", 1) + tl_bytes(user.username.encode("ascii")) if user.username else b""
    return struct.pack("<iiq", 1, flags, user.id) + names


def _peer_row(peer: Peer) -> tuple[object, ...]:
    """It was met some time ago: mtcute asks Telegram again whose a username is, after a day."""
    halves = struct.unpack("<ii", struct.pack("<q", peer.access_hash or 0))
    spelt = "" if peer.kind is PeerKind.CHAT else "{}|{}".format(*halves)
    names = [peer.username] if peer.username else []
    return marked(peer.kind, peer.id), spelt, json.dumps(names, ensure_ascii=False), 0, peer.phone, b""


def _state_values(state: UpdateState | None) -> dict[str, bytes]:
    if state is None:
        return {}
    numbers = {f"updates_{each}": getattr(state, each) for each in _STATE}
    numbers |= {f"{_CHANNEL}{channel}": pts for channel, pts in state.channels.items()}
    return {key: struct.pack("<i", number) for key, number in numbers.items()}
