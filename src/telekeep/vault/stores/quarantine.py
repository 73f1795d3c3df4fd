"""Keys that Telegram has declared dead: rows of ``sessions.db``, by lease name, so that every copy of a key is meant.

Nothing in them is secret; they lie open so that `telekeep status` needs no key.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from telekeep.vault.record import Quarantine

TABLE: Final = (
    "CREATE TABLE quarantine (lease TEXT PRIMARY KEY, error TEXT, at REAL, checked INTEGER, evidence TEXT)"
    " WITHOUT ROWID"
)
_ASKED_AGAIN: Final = 2  # in the column "checked"


class Quarantines:
    """The rows, inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def all(self) -> dict[str, Quarantine]:
        """Every row, by lease name. One that makes no sense still counts: its key is not to be used."""
        rows = self._connection.execute("SELECT lease, error, at, checked, evidence FROM quarantine")
        return {str(lease): _read(error, at, checked, evidence) for lease, error, at, checked, evidence in rows}

    def of(self, lease: str) -> Quarantine | None:
        query = "SELECT error, at, checked, evidence FROM quarantine WHERE lease = ?"
        row = self._connection.execute(query, (lease,)).fetchone()
        return None if row is None else _read(*row)

    def put(self, lease: str, row: Quarantine) -> None:
        checked = _ASKED_AGAIN if row.asked_again else int(row.checked)
        values = (lease, row.error, row.at, checked, row.evidence)
        self._connection.execute("INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?, ?)", values)

    def drop(self, lease: str) -> None:
        self._connection.execute("DELETE FROM quarantine WHERE lease = ?", (lease,))


def _read(error: object, at: object, checked: object, evidence: object) -> Quarantine:
    when = float(at) if isinstance(at, (int, float)) else 0.0
    told = evidence if isinstance(evidence, str) else ""
    return Quarantine(str(error), when, bool(checked), told, checked == _ASKED_AGAIN)
