"""An SQLite database as bytes, opened in memory so that nothing it brings along is executed.

A session file comes from anywhere. Views, triggers, generated columns and check constraints are code of whoever made
it: an authorizer refuses everything but reading plain columns of plain tables, and a budget of steps ends the rest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from telekeep.errors import SessionCorrupt

MAGIC = b"SQLite format 3\0"
COPY_AGAIN = "Copy it again while no program uses it, or take a backup of it."
_LONGEST_VALUE = 4 << 20  # bytes of one row
_STEPS = 200_000_000  # of SQLite's machine; reading a million rows takes some ten million
_PRAGMAS = frozenset({"quick_check", "table_xinfo"})
_READ_ONLY_ACTIONS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ})


def is_database(source: bytes) -> bool:
    return source.startswith(MAGIC)


@contextmanager
def opened(source: bytes) -> Iterator[sqlite3.Connection]:
    """``source`` as a database that can be read and nothing else. Raises SessionCorrupt where SQLite gives up."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.deserialize(_out_of_wal(source))
        connection.text_factory = _decode
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("PRAGMA query_only = ON")
        connection.set_authorizer(_only_reading)
        connection.set_progress_handler(_Budget(), _Budget.STEP)
        yield connection
    except (sqlite3.Error, UnicodeDecodeError, OverflowError, MemoryError) as error:
        # UnicodeDecodeError: an error message of SQLite quotes the schema, and that need not be text.
        raise SessionCorrupt(f"This SQLite database cannot be read: {_reason(error)}.", remedy=COPY_AGAIN) from None
    finally:
        connection.close()


def table_names(source: bytes) -> frozenset[str] | None:
    """The names of the plain tables in ``source``; None if its schema cannot be read."""
    try:
        with opened(source) as connection:
            return frozenset(plain_tables(connection))
    except SessionCorrupt:
        return None


def plain_tables(connection: sqlite3.Connection) -> list[str]:
    """Tables that have pages of their own: no views, no virtual tables."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 LIMIT 1000")
    return [name for (name,) in rows if isinstance(name, str)]


def plain_columns(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    """The columns of ``table`` that are stored, not computed. ``table`` is a name of ours, never one that was read."""
    return frozenset(row[1] for row in connection.execute(f"PRAGMA table_xinfo({table})") if row[6] == 0)


def _out_of_wal(source: bytes) -> bytes:
    # SQLite opens no image that says "write-ahead log" in bytes 18 and 19 (sqlite.org/c3ref/deserialize.html).
    return source[:18] + b"\1\1" + source[20:] if source[18:20] == b"\2\2" else source


def _only_reading(action: int, first: str | None, second: str | None, schema: str | None, inside: str | None) -> int:
    if inside is not None:  # the name of a view or trigger that does this
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA:
        return sqlite3.SQLITE_OK if first in _PRAGMAS else sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _READ_ONLY_ACTIONS else sqlite3.SQLITE_DENY


class _Budget:
    """Ends a query that takes more steps than any session file needs. Called every STEP steps."""

    STEP = 100_000

    def __init__(self) -> None:
        self._left = _STEPS // self.STEP

    def __call__(self) -> int:
        self._left -= 1
        return int(self._left < 0)


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _reason(error: BaseException) -> str:
    # SQLite names tables and columns of the file in its messages; the symbol says enough and quotes nothing.
    symbol = getattr(error, "sqlite_errorname", None)
    return {
        "SQLITE_ERROR": "its tables are not what they seem",  # a function in a column, for one
        "SQLITE_NOTADB": "it is no database",
        "SQLITE_CORRUPT": "it is damaged",
        "SQLITE_INTERRUPT": "it takes far more work than a session needs",
        "SQLITE_AUTH": "it would have to execute code that came with it",
        "SQLITE_TOOBIG": "one of its rows is far too big",
    }.get(str(symbol), str(symbol or "it is damaged"))
