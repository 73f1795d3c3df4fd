"""A program's own session file, opened for reading only: what it is to the loan."""

from __future__ import annotations

import os
import sqlite3
from urllib.parse import quote

from .standing import EMPTY, UNREADABLE, Standing

if False:  # TYPE_CHECKING, without importing typing into every program
    from collections.abc import Callable

MOST_PEERS = 200_000  # rows of peers that a client is given from the session it had
_LARGEST = 1 << 30  # bytes of a session file that is looked into


def judged(
    path: str,
    library: str,
    told: Callable[[sqlite3.Connection], Standing],
    *,
    opened: Callable[[str], sqlite3.Connection],
) -> Standing:
    """What the session file of ``library`` at ``path`` is: what ``told`` says of it, once it is ``opened``; nobody's if
    there is none, and unreadable rather than an error. It is closed again.
    """
    try:
        if not os.path.lexists(path):
            return Standing(EMPTY)
        if not os.path.isfile(path):
            return Standing(UNREADABLE, why="it is not a file")
        size = os.path.getsize(path)
        if not size:
            return Standing(EMPTY)
        if size > _LARGEST:
            return Standing(UNREADABLE, why="it is too large")
        connection = opened(path)
        try:
            return told(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        return Standing(UNREADABLE, why=f"it is no session file of {library} that can be opened ({error})")
    except OSError as error:
        return Standing(UNREADABLE, why=error.strerror or type(error).__name__)


def reading(path: str) -> sqlite3.Connection:
    """A connection to the database at ``path`` that cannot write."""
    return sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=1.0)
