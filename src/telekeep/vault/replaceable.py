"""A file of the vault that may be lost without losing a session: where it is damaged it is set aside, and that said."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from telekeep.errors import SessionCorrupt, UnknownFormat

if TYPE_CHECKING:
    from telekeep.clock import Clock
    from telekeep.database import Database

DAMAGED = (SessionCorrupt, UnknownFormat)

_T = TypeVar("_T")


class Replaceable:
    """``database``, which may be begun anew. ``report`` is told in words; ``afterwards``: what comes then."""

    def __init__(self, database: Database, *, clock: Clock, report: Callable[[str], None], afterwards: str) -> None:
        self._database = database
        self._clock = clock
        self._report = report
        self._afterwards = afterwards

    def read(self, work: Callable[[sqlite3.Connection], _T], nothing: _T) -> _T:
        """What ``work`` reads; ``nothing`` where there is no file, or a damaged one, which is set aside then."""
        seen = self._database.inode()
        if not seen:
            return nothing
        try:
            with self._database.reading() as connection:
                return work(connection)
        except DAMAGED as error:
            self.set_aside(seen, error)
            return nothing

    def set_aside(self, inode: int, error: Exception) -> None:
        """Set the file aside for ``error``, if it is still the one with this ``inode``: another process may have begun
        a new one already.
        """
        aside = self._database.set_aside(inode=inode, stamp=int(self._clock.wall()))
        if aside is not None:
            self._report(f"{error} It was set aside as {aside.name}; {self._afterwards}.")
