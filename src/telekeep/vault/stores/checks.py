"""Checks of sessions, as rows of ``lagging.db``: a history of some days, and one line for each key that sums it up.

The line is written with the history, so that `telekeep status` reads one row for each session and counts nothing.
"""

from __future__ import annotations

import sqlite3

from telekeep.vault.record import Checked, Health

TABLES = (
    "CREATE TABLE checks (lease TEXT, at REAL, outcome TEXT, error TEXT, boot REAL, boot_id TEXT,"
    " PRIMARY KEY (lease, at)) WITHOUT ROWID",
    "CREATE TABLE health (lease TEXT PRIMARY KEY, at REAL, outcome TEXT, error TEXT, boot REAL, boot_id TEXT,"
    " last_ok REAL, counted INTEGER, good INTEGER, next_at REAL, ttl_days INTEGER) WITHOUT ROWID",
)
MOST = 2_000  # checks of one key

_KINDS = (float, str, (str, type(None)), float, str)
_SUMS = ((float, type(None)), int, int, (float, type(None)), (int, type(None)))


def write_check(connection: sqlite3.Connection, lease: str, health: Health, *, keep_from: float) -> None:
    """Add the last check of ``health`` to the history of a key, and replace its line. Checks before ``keep_from``, and
    those of a clock that was ahead, are forgotten.
    """
    last = health.last
    connection.execute("INSERT OR REPLACE INTO checks VALUES (?, ?, ?, ?, ?, ?)", (lease, *last))
    connection.execute("DELETE FROM checks WHERE lease = ? AND (at < ? OR at > ?)", (lease, keep_from, last.at))
    connection.execute(
        "DELETE FROM checks WHERE lease = ? AND at <= (SELECT at FROM checks WHERE lease = ? ORDER BY at DESC"
        f" LIMIT 1 OFFSET {MOST})",
        (lease, lease),
    )
    row = (lease, *last, health.last_ok, health.counted, health.good, health.next_at, health.ttl_days)
    connection.execute("INSERT OR REPLACE INTO health VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def read_checks(connection: sqlite3.Connection, lease: str) -> list[Checked]:
    """The history of a key, oldest first; rows that are damaged are left out."""
    query = "SELECT at, outcome, error, boot, boot_id FROM checks WHERE lease = ? ORDER BY at"
    return [Checked._make(row) for row in connection.execute(query, (lease,)) if _are(row, _KINDS)]


def read_health(connection: sqlite3.Connection) -> dict[str, Health]:
    """The line of each key, by lease name; lines that are damaged are left out."""
    query = "SELECT lease, at, outcome, error, boot, boot_id, last_ok, counted, good, next_at, ttl_days FROM health"
    return {
        row[0]: Health(Checked._make(row[1:6]), *row[6:])
        for row in connection.execute(query)
        if _are(row, (str, *_KINDS, *_SUMS))
    }


def _are(row: tuple[object, ...], kinds: tuple[type | tuple[type, ...], ...]) -> bool:
    return all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True))
