"""How far each record had come, remembered outside the home: who puts an older copy of the vault back is noticed.

The mark is written after the commit it is about. So a crash between the two leaves it behind, never ahead, and nobody
is locked out; the next read or write of the record catches it up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from telekeep.database import Database, Kind, Turns, of_each
from telekeep.errors import VaultRolledBack
from telekeep.paths import private_folder
from telekeep.vault.replaceable import DAMAGED, Replaceable

if TYPE_CHECKING:
    from collections.abc import Callable

    from telekeep.clock import Clock

MARKS = Kind(
    noun="file of high-water marks",
    application_id=0x544B4D31,  # TKM1
    version=1,
    journal="TRUNCATE",
    synchronous="NORMAL",
    schema=(
        "CREATE TABLE marks (name TEXT PRIMARY KEY, generation INTEGER, lease TEXT, fence INTEGER, tag BLOB)"
        " WITHOUT ROWID",
    ),
)


_QUERY = "SELECT name, generation, lease, fence, tag FROM marks"
_MARK_TYPES = ((str, int, str, int, bytes), (str, int, str, int, type(None)))


class Position(NamedTuple):
    """How far a record has come: its newest generation and the newest fence of its auth key.

    ``tag``: that of the seal, where it was opened or made; it tells apart two lines of history that are as long.
    """

    generation: int
    lease: str
    fence: int
    tag: bytes | None = None


def is_older(here: Position | None, mark: Position) -> bool:
    """Whether ``here`` is a state that comes before ``mark``, or one that never led to it."""
    if here is None or here.generation < mark.generation:
        return True
    if here.generation == mark.generation:
        other = here.tag is not None and mark.tag is not None and here.tag != mark.tag
        if other or here.lease != mark.lease:
            return True
    return here.lease == mark.lease and here.fence < mark.fence


class Marks:
    """The marks of one vault, in one file of ``folder``; made when the first is set."""

    def __init__(
        self,
        folder: Path,
        vault_id: str,
        *,
        clock: Clock,
        report: Callable[[str], None],
        turns: Turns | None = None,
    ) -> None:
        self._folder = folder
        self._database = Database(folder / f"{vault_id}.db", MARKS, turns=turns)
        self._file = Replaceable(
            self._database, clock=clock, report=report, afterwards="the marks are set again as sessions are read"
        )

    def prepare(self) -> None:
        """Make sure that marks can be set. Raises StorageUnavailable before anything else was written."""
        private_folder(self._folder)
        if not self._database.inode():
            with suppress(FileExistsError):  # another process was quicker
                Database.create(self._database.path, MARKS, lambda connection: None)

    def all(self) -> dict[str, Position]:
        """Every mark, by name of the record."""
        return self._read(_every)

    def of(self, names: Collection[str]) -> dict[str, Position]:
        """The marks of these records, by name."""
        return self._read(lambda connection: _of(connection, names))

    def _read(self, read: Callable[[sqlite3.Connection], dict[str, Position]]) -> dict[str, Position]:
        nothing: dict[str, Position] = {}
        return self._file.read(read, nothing)

    def check(self, name: str, here: Position | None) -> Position | None:
        """Compare the record as the vault has it with its mark, which is returned.

        Raises VaultRolledBack if it is older.
        """
        mark = self.of([name]).get(name)
        if mark is not None and is_older(here, mark):
            raise rolled_back(name, here, mark)
        return mark

    def raise_to(self, positions: Sequence[tuple[str, Position]]) -> None:
        """Set the marks of records, by name, unless they are further already: all in one commit."""
        self.prepare()
        seen = self._database.inode()
        try:
            self._raise_to(positions)
        except DAMAGED as error:
            self._file.set_aside(seen, error)
            self.prepare()
            self._raise_to(positions)

    def replace(self, positions: Iterable[tuple[str, Position]]) -> None:
        """Make these the marks, whatever they were."""
        self.all()  # sets a damaged file aside
        self.prepare()
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM marks")
            connection.executemany("INSERT INTO marks VALUES (?, ?, ?, ?, ?)", (_row(*each) for each in positions))

    def view(self) -> AbstractContextManager[None]:
        """See `Database.view`."""
        return self._database.view()

    def close(self) -> None:
        self._database.close()

    def _raise_to(self, positions: Sequence[tuple[str, Position]]) -> None:
        with self._database.transaction() as connection:
            raised = []
            known = _of(connection, [name for name, _ in positions])
            for name, here in positions:
                mark = known.get(name)
                if mark is not None and here.tag is None and here.generation == mark.generation:
                    here = here._replace(tag=mark.tag)
                if mark is None or (mark != here and not is_older(here, mark)):
                    raised.append(_row(name, here))
            connection.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?)", raised)


def rolled_back(name: str, here: Position | None, mark: Position) -> VaultRolledBack:
    """The error for a record that is older than its mark."""
    found = "is not in the vault" if here is None else f"is at generation {here.generation}, fence {here.fence}"
    return VaultRolledBack(
        f"The session {name!r} {found}; it had come to generation {mark.generation}, fence {mark.fence}. "
        "An older copy was put back."
    )


def _every(connection: sqlite3.Connection) -> dict[str, Position]:
    return _positions(connection.execute(_QUERY))


def _of(connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, Position]:
    return _positions(of_each(connection, f"{_QUERY} WHERE name IN (?)", names))


def _positions(rows: Iterable[tuple[Any, ...]]) -> dict[str, Position]:
    return {row[0]: Position(*row[1:]) for row in rows if _is_mark(row)}


def _is_mark(row: tuple[object, ...]) -> bool:
    return tuple(map(type, row)) in _MARK_TYPES


def _row(name: str, here: Position) -> tuple[str, int, str, int, bytes | None]:
    return name, here.generation, here.lease, here.fence, here.tag
