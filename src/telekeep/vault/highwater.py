"""How far each record had come, remembered outside the home: who puts an older copy of the vault back is noticed.

The mark is written after the commit it is about. So a crash between the two leaves it behind, never ahead, and nobody
is locked out; the next read or write of the record catches it up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from telekeep.database import Database, Kind, Turns
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


_FEW = 50  # marks that are read one by one; more, and the whole table is read at once
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
        nothing: dict[str, Position] = {}
        return self._file.read(_every, nothing)

    def check(self, name: str, here: Position | None) -> Position | None:
        """Compare the record as the vault has it with its mark, which is returned.

        Raises VaultRolledBack if it is older.
        """
        mark = self._mark(name)
        if mark is None or not is_older(here, mark):
            return mark
        found = "is not in the vault" if here is None else f"is at generation {here.generation}, fence {here.fence}"
        raise VaultRolledBack(
            f"The session {name!r} {found}; it had come to generation {mark.generation}, fence {mark.fence}. "
            "An older copy was put back."
        )

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

    def _mark(self, name: str) -> Position | None:
        return self._file.read(lambda connection: _find(connection, name), None)

    def _raise_to(self, positions: Sequence[tuple[str, Position]]) -> None:
        with self._database.transaction() as connection:
            raised = []
            known = _every(connection) if len(positions) > _FEW else None
            for name, here in positions:
                mark = _find(connection, name) if known is None else known.get(name)
                if mark is not None and here.tag is None and here.generation == mark.generation:
                    here = here._replace(tag=mark.tag)
                if mark is None or (mark != here and not is_older(here, mark)):
                    raised.append(_row(name, here))
            connection.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?)", raised)


def _every(connection: sqlite3.Connection) -> dict[str, Position]:
    rows = connection.execute("SELECT name, generation, lease, fence, tag FROM marks")
    return {row[0]: Position(*row[1:]) for row in rows if _is_mark(row)}


def _find(connection: sqlite3.Connection, name: str) -> Position | None:
    query = "SELECT name, generation, lease, fence, tag FROM marks WHERE name = ?"
    row = connection.execute(query, (name,)).fetchone()
    return Position(*row[1:]) if row is not None and _is_mark(row) else None


def _is_mark(row: tuple[object, ...]) -> bool:
    return tuple(map(type, row)) in _MARK_TYPES


def _row(name: str, here: Position) -> tuple[str, int, str, int, bytes | None]:
    return name, here.generation, here.lease, here.fence, here.tag
