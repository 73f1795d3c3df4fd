"""What the session files of all libraries have in common: SQLite tables to be examined, and how peers are numbered."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import cache
from typing import ClassVar, Final

from telekeep.errors import SessionCorrupt, UnknownFormat
from telekeep.session.formats import image
from telekeep.session.formats.form import Form, Refusal, spelt
from telekeep.session.formats.format import Findings, is_host
from telekeep.session.model import DataCenter, Peer, PeerKind, Session, UpdateState, User
from telekeep.session.network import Network

DATABASE_RULE: Final = "is an SQLite database"
UNDAMAGED_RULE: Final = "is undamaged (SQLite's quick_check)"
TABLES_RULE: Final = "has the tables and columns of that version"
LOGGED_IN_RULE: Final = "holds one session, logged in"
STATE_RULE: Final = "has an update state that can be read, or none"
PEERS_RULE: Final = "has peers that can be read, or none"

INT64: Final = 1 << 63
MOST_PEERS: Final = 2_000_000
LAST_DATE: Final = 253_402_300_799  # the end of year 9999: clients turn dates into datetime
MEND: Final = (
    "Empty the table {} in a copy of the file, then take that: only what the program remembers is lost, not the login."
)
_CHANNEL_MARK = 1_000_000_000_000


class SqliteForm(Form):
    """A session file that is an SQLite database. Database, version and tables are looked at here, the rest by
    `session`.
    """

    tables: ClassVar[frozenset[str]]  # by which it is known
    library: ClassVar[str]
    version_column: ClassVar[str | None] = "version"  # of the table ``version``; None if it has none
    schemas: ClassVar[range]
    newer: ClassVar[str]  # what to do about a version beyond them
    older: ClassVar[str | None] = None  # and about one before them

    def recognises(self, source: bytes) -> bool:
        return image.is_database(source) and self.claims(image.table_names(source))

    def claims(self, tables: frozenset[str] | None) -> bool:
        """Whether a database with these tables is one of these; None if they cannot be read."""
        return tables is not None and tables >= self.tables

    def examine(self, source: bytes, findings: Findings, network: Network | None) -> Session | None:
        database = image.is_database(source)
        if not findings.check(None if database else "it is no SQLite database", found="yes", error=UnknownFormat):
            return None
        try:
            with image.opened(source) as connection:
                found = self._examined(connection, findings, network)
        except SessionCorrupt as error:
            findings.check(error.message[0].lower() + error.message[1:].rstrip("."), remedy=image.COPY_AGAIN)
            return None
        return None if findings.error else found

    def sound_in(self, connection: sqlite3.Connection, network: Network | None) -> Session | None:
        """The session in an open database that keeps every rule; else None."""
        findings = Findings(self.subject, *self.texts)
        findings.check(None)  # it is a database
        found = self._examined(connection, findings, network)
        return None if findings.error else found

    def session(
        self, connection: sqlite3.Connection, columns: Columns, findings: Findings, network: Network | None
    ) -> Session | None:
        """What is in the tables, whose columns are as they should be."""
        raise NotImplementedError

    def needed(self, version: int) -> Mapping[str, set[str]]:
        """The columns that each table must have in that version."""
        raise NotImplementedError

    def _examined(self, connection: sqlite3.Connection, findings: Findings, network: Network | None) -> Session | None:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchall()
        problem = "the database is damaged: it was cut off, or copied while it was written"
        sound = verdict == [("ok",)]
        if not findings.check(None if sound else problem, found="yes", remedy=image.COPY_AGAIN):
            return None
        columns = Columns(connection)
        version = self._version(connection, columns, findings) if self.version_column else 0
        if version is None:
            return None
        lacking = columns.lacking(self.needed(version))
        problem = f"its tables differ from {self.library}'s: {', '.join(lacking)}"
        if not findings.check(problem if lacking else None, found="yes"):
            return None
        return self.session(connection, columns, findings, network)

    def _version(self, connection: sqlite3.Connection, columns: Columns, findings: Findings) -> int | None:
        rows: list[tuple[object]] = []
        if self.version_column in columns.of("version"):
            rows = connection.execute(f"SELECT {self.version_column} FROM version LIMIT 2").fetchall()
        version = rows[0][0] if len(rows) == 1 else None
        if type(version) is not int:
            findings.check("it does not say which version of the schema it has", error=UnknownFormat)
            return None
        known = version in self.schemas
        problem = f"it has version {version} of the schema, not {_listed(self.schemas)}"
        remedy = self.older if self.older and version < self.schemas[0] else self.newer
        kept = findings.check(
            None if known else problem, found=f"version {version}", error=UnknownFormat, remedy=remedy
        )
        return version if kept else None


def sound_database(
    source: bytes, forms: Iterable[SqliteForm], network: Network | None
) -> tuple[SqliteForm, Session] | None:
    """The first of ``forms`` that claims the database, and the session in it, if it keeps every rule: opened once."""
    try:
        with image.opened(source) as connection:
            tables = frozenset(image.plain_tables(connection))
            form = next((each for each in forms if each.claims(tables)), None)
            session = form.sound_in(connection, network) if form else None
    except SessionCorrupt:
        return None
    return (form, session) if form and session else None


def _listed(schemas: range) -> str:
    if len(schemas) == 1:
        return str(schemas[0])
    return f"{schemas[0]} {'or' if len(schemas) == 2 else 'to'} {schemas[-1]}"


class Columns:
    """The plain columns of the plain tables of a database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._tables = image.plain_tables(connection)

    def of(self, table: str) -> frozenset[str]:
        """None if there is no such table. ``table`` is a name of ours, never one that was read."""
        return image.plain_columns(self._connection, table) if table in self._tables else frozenset()

    def lacking(self, needed: Mapping[str, set[str]]) -> list[str]:
        """Those tables of ``needed`` that are not there, or not with these columns."""
        return [name for name, columns in needed.items() if not columns <= self.of(name)]


def database(schema: str, rows: Mapping[str, Iterable[tuple[object, ...]]]) -> bytes:
    """A database with the tables of ``schema`` and these ``rows``, by table; columns may follow its name."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.deserialize(_empty(schema))
        connection.execute("BEGIN")
        for table, content in rows.items():
            filled = [tuple(row) for row in content]
            if filled:
                connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(filled[0]))})", filled)
        connection.execute("COMMIT")
        return connection.serialize()
    finally:
        connection.close()


@cache  # to be copied: making the tables takes longer than all the rest
def _empty(schema: str) -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(f"BEGIN;{schema};COMMIT")
        return connection.serialize()


def whole(value: object) -> int | None:
    """A whole number; some libraries write dates as floats."""
    if isinstance(value, float) and abs(value) < INT64:
        return int(value)
    return value if isinstance(value, int) else None


def clean(text: str | None) -> str | None:
    """Text that SQLite can hold: surrogates replaced, None for nothing."""
    return text.encode("utf-8", "replace").decode() or None if text else None


def fits(dc: DataCenter) -> bool:
    """Whether a session file can hold where this data center is."""
    return is_host(dc.host) and 1 <= dc.port <= 65535 and 1 <= dc.id < INT64


def no_address(dc: DataCenter) -> Refusal | None:
    """Why a session file cannot hold it, if it cannot."""
    if fits(dc):
        return None
    return Refusal(
        f"{dc.host!r} port {dc.port} of data center {dc.id} is no address.",
        "its address: no client could connect to it",
    )


# ---- what the libraries keep of people, chats and updates


def named(user_id: int | None, is_bot: bool | None, peers: Iterable[Peer]) -> User | None:
    """Who is logged in; the user name is that of the own peer."""
    if user_id is None or not 1 <= user_id < INT64:
        return None
    own = (peer.username for peer in peers if peer.kind is PeerKind.USER and peer.id == user_id)
    return User(user_id, is_bot, next(own, None))


def kept_peers(peers: Iterable[Peer], *, names: bool, digits: bool = False) -> tuple[Peer, ...]:
    """Those of ``peers`` that a file holds, as it holds them, in the order of their numbers.

    ``names``: whether names are kept; ``digits``: whether a phone number has to be a number.
    """
    kept = {}
    for peer in peers:
        number = marked(peer.kind, peer.id)
        access_hash = peer.access_hash or None
        if peer.kind is PeerKind.CHAT:
            access_hash = None  # a chat has none
        elif access_hash is None or not -INT64 <= access_hash < INT64:
            continue  # with a made-up hash a program would ask Telegram for a stranger
        if number is not None:
            told = spelt(peer)
            phone = clean(told.phone) if not digits or _is_number(told.phone) else None
            name = clean(told.name) if names else None
            kept[number] = Peer(peer.kind, peer.id, access_hash, clean(told.username), phone, name)
    return tuple(kept[number] for number in sorted(kept))


def _is_number(phone: str | None) -> bool:
    return bool(phone and phone.isascii() and phone.isdigit() and phone[0] != "0" and int(phone[:20]) < INT64)


def kept_state(state: UpdateState | None, *, most: int = INT64 - 1) -> UpdateState | None:
    """``state`` if a file can hold all of it; else None: half a state would lose updates. ``most``: the largest number
    that fits.
    """
    if state is None:
        return None
    numbers = (state.qts, state.seq, *state.channels.values())
    sound = (
        0 < state.pts <= most
        and 0 <= state.date <= min(LAST_DATE, most)
        and all(-most - 1 <= number <= most for number in numbers)
        and all(marked(PeerKind.CHANNEL, each) and pts > 0 for each, pts in state.channels.items())
    )
    return state if sound else None


def held(session: Session, **changes: object) -> Session:
    """``session`` as most files hold it, with ``changes``: without application, login tokens and further keys."""
    return replace(session, **{"application": None, "other_keys": {}, "login_tokens": (), **changes})  # type: ignore[arg-type]


# ---- one number for users, groups and channels, as the Bot API and all libraries have it


def unmarked(number: int) -> tuple[PeerKind, int]:
    """What a marked id stands for: user id; -chat id; -1000000000000 - channel id."""
    if number > 0:
        return PeerKind.USER, number
    if -number > _CHANNEL_MARK:
        return PeerKind.CHANNEL, -number - _CHANNEL_MARK
    return PeerKind.CHAT, -number


def marked(kind: PeerKind, bare_id: int) -> int | None:
    """The marked id of a peer; None for an id that cannot be marked."""
    match kind:
        case PeerKind.USER:
            number, most = bare_id, INT64 - 1
        case PeerKind.CHAT:
            number, most = -bare_id, _CHANNEL_MARK
        case PeerKind.CHANNEL:
            number, most = -bare_id - _CHANNEL_MARK, INT64 - 1 - _CHANNEL_MARK
    return number if 1 <= bare_id <= most else None
