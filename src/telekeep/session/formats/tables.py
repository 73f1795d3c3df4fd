"""What the session files of all libraries have in common: SQLite tables to be examined, and how peers are numbered."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Final

from telekeep.errors import SessionCorrupt, UnknownFormat
from telekeep.session.formats import image
from telekeep.session.formats.format import Findings, is_host
from telekeep.session.model import DataCenter, PeerKind, Session

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


def examined(
    source: bytes, findings: Findings, session: Callable[[sqlite3.Connection, Findings], Session | None]
) -> Session | None:
    """What ``session`` makes of the database in ``source``, whose first two rules are looked at here; None if a rule is
    broken.
    """
    database = image.is_database(source)
    if not findings.check(None if database else "it is no SQLite database", found="yes", error=UnknownFormat):
        return None
    try:
        with image.opened(source) as connection:
            found = session(connection, findings) if _is_undamaged(findings, connection) else None
    except SessionCorrupt as error:
        findings.check(error.message[0].lower() + error.message[1:].rstrip("."), remedy=image.COPY_AGAIN)
        return None
    return None if findings.error else found


def _is_undamaged(findings: Findings, connection: sqlite3.Connection) -> bool:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchall()
    problem = "the database is damaged: it was cut off, or copied while it was written"
    return findings.check(None if verdict == [("ok",)] else problem, found="yes", remedy=image.COPY_AGAIN)


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


def the_version(rows: list[tuple[object]]) -> int | None:
    """The one number in a table of versions; None if it says anything else."""
    version = rows[0][0] if len(rows) == 1 else None
    return version if type(version) is int else None


def whole(value: object) -> int | None:
    """A whole number; some libraries write dates as floats."""
    if isinstance(value, float) and abs(value) < INT64:
        return int(value)
    return value if isinstance(value, int) else None


def clean(text: str) -> str | None:
    """Text that SQLite can hold: surrogates replaced, None for nothing."""
    return text.encode("utf-8", "replace").decode() or None


def fits(dc: DataCenter) -> bool:
    """Whether a session file can hold where this data center is."""
    return is_host(dc.host) and 1 <= dc.port <= 65535 and 1 <= dc.id < INT64


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
