"""Telethon 2's session file: SQLite, schema 10, with a key for each data center.

There is no release of Telethon 2 (branch v2, client/src/telethon/_impl/session). It opens schemas 7 and 10, refuses 8,
and turns a 7 into a 10 in place, dropping what was there: so what is written here is a file of its own.

- ``datacenter``: ``ipv4_addr`` and ``ipv6_addr`` as ``host:port``; ``addr`` alone in its first alphas, sometimes
  without a port. It connects to the first.
- ``user``: its ``dc`` is what says which data center is home. Without a user it starts anew at data center 2.
- ``state`` and ``channelstate``: where updates were seen; peers are not kept.
"""

from __future__ import annotations

import ipaddress
import sqlite3
from collections.abc import Mapping

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
from telekeep.session.formats.home import home
from telekeep.session.formats.tables import (
    DATABASE_RULE,
    LOGGED_IN_RULE,
    MEND,
    MOST_PEERS,
    STATE_RULE,
    TABLES_RULE,
    UNDAMAGED_RULE,
    Columns,
    SqliteForm,
    clean,
    database,
    held,
    kept_state,
    named,
    no_address,
    whole,
)
from telekeep.session.model import KEY_BYTES, AuthKey, DataCenter, Session, UpdateState, User
from telekeep.session.network import Network

_MOST_DCS = 64
_PORT = 443
_NEEDED = {
    "version": {"version"},
    "datacenter": {"id", "auth"},
    "user": {"id", "dc", "bot"},
    "state": {"pts", "qts", "date", "seq"},
    "channelstate": {"id", "pts"},
}
_TABLES = """
CREATE TABLE version (version integer primary key);
CREATE TABLE datacenter (id integer primary key, ipv4_addr text not null, ipv6_addr text, auth blob);
CREATE TABLE user (id integer primary key, dc integer not null, bot integer not null, username text);
CREATE TABLE state (pts integer not null, qts integer not null, date integer not null, seq integer not null);
CREATE TABLE channelstate (id integer primary key, pts integer not null);
"""


class TelethonV2(SqliteForm):
    """The ``.session`` file that ``telethon.Client("name", …)`` of Telethon 2 keeps."""

    name = "telethon-v2"
    subject = "This Telethon 2 session file"
    library = "Telethon 2"
    texts = (
        DATABASE_RULE,
        UNDAMAGED_RULE,
        "has Telethon 2's schema, version 10",
        TABLES_RULE,
        LOGGED_IN_RULE,
        DC_RULE,
        ADDRESS_RULE,
        KEY_RULE,
        STATE_RULE,
    )
    tables = frozenset({"version", "datacenter", "user", "state", "channelstate"})
    schemas = range(10, 11)
    newer = "Upgrade telekeep: another Telethon 2 made this."

    def needed(self, version: int) -> Mapping[str, set[str]]:
        return _NEEDED

    def session(
        self, connection: sqlite3.Connection, columns: Columns, findings: Findings, network: Network | None
    ) -> Session | None:
        address = "ipv4_addr" if "ipv4_addr" in columns.of("datacenter") else "addr"
        if address not in columns.of("datacenter"):
            findings.check("its data centers have no addresses")
            return None
        rows = connection.execute(f"SELECT id, {address}, auth FROM datacenter LIMIT ?", (_MOST_DCS,)).fetchall()
        username = "username" if "username" in columns.of("user") else "NULL"
        users = connection.execute(f"SELECT id, dc, bot, {username} FROM user LIMIT 2").fetchall()
        keys = {dc_id: key for dc_id, _, key in rows if key}
        at = users[0][1] if users else next(iter(keys), None)
        if not findings.check(_not_logged_in(keys, users), found="yes", remedy="Log in: telekeep auth NAME"):
            return None
        host, port = _parted(next((place for dc_id, place, _ in rows if dc_id == at), None))
        sound = [
            check_dc(findings, at, network),
            check_address(findings, host, port),
            check_key(findings, keys.get(at)),
        ]
        state = _check_state(findings, connection)
        if not all(sound) or host is None or port is None or at is None:
            return None
        dc = DataCenter(at, host, port)
        others = {each: AuthKey(key) for each, key in keys.items() if each != at and _is_key(key)}
        return Session(dc, AuthKey(keys[at]), _user(users), state, network=network_name(dc, network), other_keys=others)

    def held(self, session: Session) -> Session:
        user = session.user
        owner = named(user.id, bool(user.is_bot), ()) if user else None
        if owner and user:
            owner = User(owner.id, owner.is_bot, clean(user.username))
        others = {each: key for each, key in session.other_keys.items() if 1 <= each <= 5 and each != session.dc.id}
        return held(
            session,
            user=owner,
            state=kept_state(session.state),
            peers=(),
            other_keys=others,
            network=network_name(session.dc, None),
        )

    def refusal(self, session: Session) -> Refusal | None:
        if self.held(session).user is None:
            return Refusal(
                "Telethon 2 finds its data center by its user, and this session does not know whose it is.",
                "everything: Telethon 2 would log in anew",
                "Use it once, so that it is known: telekeep test NAME",
            )
        if ":" in session.dc.host:
            return Refusal("Telethon 2 needs an address of IPv4.", "its address: only IPv4 and host names fit")
        return no_address(session.dc)

    def encode(self, session: Session, variant: int | None) -> bytes:
        kept = self.held(session)
        state, user = kept.state, kept.user
        places = [(kept.dc.id, _place(kept.dc), None, kept.auth_key.reveal())]
        for each, key in kept.other_keys.items():
            near = home(Session(DataCenter(each, "", _PORT), key, network=kept.network))
            places.append((each, _place(near), None, key.reveal()))
        rows: dict[str, list[tuple[object, ...]]] = {
            "version": [(10,)],
            "datacenter": [tuple(place) for place in places],
            "user": [(user.id, kept.dc.id, bool(user.is_bot), user.username)] if user else [],
            "state": [(state.pts, state.qts, state.date, state.seq)] if state else [],
            "channelstate": list(state.channels.items()) if state else [],
        }
        return database(_TABLES, rows)


def _place(dc: DataCenter) -> str:
    return f"{dc.host}:{dc.port}"


def _is_key(key: object) -> bool:
    return isinstance(key, bytes) and len(key) == KEY_BYTES and any(key)


def _not_logged_in(keys: Mapping[object, object], users: list[tuple[object, ...]]) -> str | None:
    if not keys:
        return "it holds no auth key: nobody has logged in with it"
    if len(users) > 1:
        return "it holds more than one user"
    if not users and len(keys) > 1:
        return "it holds several keys and does not say which of them is logged in"
    if users and users[0][1] not in keys:
        return "it holds no key for the data center of its user"
    if users and (type(users[0][0]) is not int or named(users[0][0], None, ()) is None):
        return "its user is malformed"
    return None


def _user(users: list[tuple[object, ...]]) -> User | None:
    if not users:
        return None
    user_id, _, is_bot, username = users[0]
    name = username if isinstance(username, str) else None
    return User(user_id, bool(is_bot), name or None) if isinstance(user_id, int) else None


def _parted(place: object) -> tuple[str | None, int | None]:
    """Host and port of ``host:port``; the port may be missing."""
    if not isinstance(place, str):
        return None, None
    try:
        return ipaddress.ip_address(place).compressed, _PORT
    except ValueError:
        pass
    host, _, port = place.rpartition(":")
    if not host:
        return place, _PORT
    return host.removeprefix("[").removesuffix("]"), int(port) if port.isascii() and port.isdigit() and len(
        port
    ) < 6 else None


def _check_state(findings: Findings, connection: sqlite3.Connection) -> UpdateState | None:
    rows = connection.execute("SELECT pts, qts, date, seq FROM state LIMIT 2").fetchall()
    channels = connection.execute("SELECT id, pts FROM channelstate LIMIT ?", (MOST_PEERS,)).fetchall()
    numbers = [[whole(value) for value in row] for row in (*rows, *channels)]
    if len(rows) > 1 or any(number is None for row in numbers for number in row):
        findings.check("its update state is malformed", remedy=MEND.format("state"))
        return None
    if not rows or rows[0][0] <= 0:
        findings.check(None, found="none: what was missed will not be caught up")
        return None
    findings.check(None, found=f"pts {rows[0][0]}, {counted(len(channels), 'channel')}")
    known = {each: pts for each, pts in numbers[1:] if each is not None and pts is not None and pts > 0}
    pts, qts, date, seq = (int(value) for value in rows[0])
    return UpdateState(pts, qts, date, seq, known)
