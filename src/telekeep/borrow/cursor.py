"""How far a program's own work has come: a small mapping on disk, for whoever goes on after a crash."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from telekeep.database import Database, Kind
from telekeep.paths import private_folder

_KIND = Kind(
    noun="cursor file",
    application_id=0x746B_6375,
    version=1,
    schema=("CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT",),
    journal="DELETE",
    synchronous="FULL",
)


class Cursor(MutableMapping[str, Any]):
    """A mapping of names to what JSON can hold, on disk when an assignment returns.

    Set it after the work that it stands for: whatever dies between the two is done once more, and nothing is left out.
    Raises StorageUnavailable if the disk refuses, SessionCorrupt if the file is damaged, TypeError for a value that
    JSON has no word for.
    """

    def __init__(self, path: Path) -> None:
        private_folder(path.parent)
        self._file = Database(path, _KIND)
        if not path.exists():
            try:
                Database.create(path, _KIND, lambda connection: None)
            except FileExistsError:
                pass  # another process was quicker

    def __getitem__(self, name: str) -> Any:
        with self._file.reading() as connection:
            row = connection.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise KeyError(name)
        return json.loads(row[0])

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def update(self, *values: Any, **more: Any) -> None:
        """Set several at once: all of them, or none."""
        written = [(name, json.dumps(value)) for name, value in dict(*values, **more).items()]
        with self._writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?)", written)

    def __delitem__(self, name: str) -> None:
        with self._writing() as connection:
            gone = connection.execute("DELETE FROM marks WHERE name = ?", (name,)).rowcount
        if not gone:
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        with self._file.reading() as connection:
            return iter([name for (name,) in connection.execute("SELECT name FROM marks ORDER BY name")])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._file.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._file.transaction() as connection:
            yield connection
