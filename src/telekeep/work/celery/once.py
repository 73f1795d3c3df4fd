"""A task that is delivered twice does its work once: brokers deliver again what was not acknowledged in time.

Who does a task holds a lock of the kernel's, which is gone with its process; what came of it is kept on disk for as
long as a broker could deliver it again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from telekeep.database import Database, Kind
from telekeep.errors import StorageUnavailable
from telekeep.lease import flock
from telekeep.paths import private_folder

KEPT = 7 * 86_400.0  # seconds

_KIND = Kind(
    noun="file of finished tasks",
    application_id=0x746B_6F6E,
    version=1,
    schema=(
        "CREATE TABLE done (task TEXT PRIMARY KEY, at REAL NOT NULL, result TEXT NOT NULL) WITHOUT ROWID, STRICT",
        "CREATE INDEX done_at ON done (at)",
    ),
    journal="WAL",
    synchronous="FULL",
)


class UnderWay(Exception):
    """Another process is doing this very task."""


class Claim:
    """The right to do a task. ``result``: what it came to, if it was done before; None if not."""

    def __init__(self, book: Tasks, task: str, result: Any) -> None:
        self._book = book
        self._task = task
        self.result = result

    def done(self, result: Any, *, at: float) -> None:
        """It is done; on disk when this returns. Raises TypeError for what JSON has no word for."""
        self._book._note(self._task, result, at)


class Tasks:
    """Which tasks were done, and which are under way. ``folder``: where that is kept, for all workers of a home."""

    def __init__(self, folder: Path) -> None:
        self._folder = private_folder(folder)
        path = folder / "done.db"
        self._file = Database(path, _KIND)
        if not path.exists():
            with suppress(FileExistsError):
                Database.create(path, _KIND, lambda connection: None)

    @contextmanager
    def claim(self, task: str) -> Iterator[Claim]:
        """Be the one who does ``task``, for as long as this lasts. Raises UnderWay if somebody does it now."""
        path = str(self._folder / f"{sha256(task.encode()).hexdigest()[:32]}.lock")
        lock = self._taken(path)
        try:
            yield Claim(self, task, self._result(task))
        finally:
            with suppress(OSError):
                Path(path).unlink()  # while it is locked; who waits for it looks again
            flock.give_back(lock)

    def _taken(self, path: str) -> int:
        while True:
            try:
                lock = flock.take(path, 0o600)
            except OSError as error:
                raise StorageUnavailable(f"{path} cannot be locked: {error.strerror}.") from None
            if lock is None:
                raise UnderWay
            with suppress(FileNotFoundError):
                if os.path.samestat(Path(path).stat(), os.fstat(lock)):
                    return lock
            flock.give_back(lock)  # it was removed between its opening and its lock

    def _result(self, task: str) -> Any:
        with self._file.reading() as connection:
            row = connection.execute("SELECT result FROM done WHERE task = ?", (task,)).fetchone()
        return json.loads(row[0]) if row else None

    def _note(self, task: str, result: Any, at: float) -> None:
        written = json.dumps(result)
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM done WHERE at < ?", (at - KEPT,))
            connection.execute("INSERT OR REPLACE INTO done VALUES (?, ?, ?)", (task, at, written))

    def close(self) -> None:
        self._file.close()
