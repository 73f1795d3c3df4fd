"""Is a session file damaged? SQLite says so, or it is not. A damaged one is set aside, never deleted.

That a file is locked, cannot be opened, holds no login, or that a login failed, says nothing about damage.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from telekeep.guard.places import SUFFIX
from telekeep.paths import sync_folder

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_COMPANIONS = ("-journal", "-wal", "-shm")
_BUSY_SECONDS = 0.5


def is_damaged(path: Path) -> bool:
    """SQLite's verdict on the file at ``path``: no database at all, or one that its quick_check complains of.

    False for whatever else stands in the way. Opened as a client opens it: a crashed writer's journal is played back
    first. Only what is called a session is judged: nobody's notes are.
    """
    if path.suffix != SUFFIX:
        return False
    uri = f"{path.absolute().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.Error as error:
        return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGED


def set_aside(path: Path, *, now: float, why: str = "corrupted") -> Path:
    """Rename ``x.session``, with what SQLite keeps beside it, to ``x_corrupted_YYYYMMDD_HHMMSS.session``.

    Only for who holds its lease. ``now``: wall-clock seconds. Nothing is ever overwritten.
    """
    while True:
        stamp = time.strftime("%Y%m%d_%H%M%S", time.localtime(now))
        aside = path.with_name(f"{path.name.removesuffix(SUFFIX)}_{why}_{stamp}{SUFFIX}")
        if not any(aside.with_name(aside.name + each).exists() for each in ("", *_COMPANIONS)):
            break
        now += 1
    path.rename(aside)
    for each in _COMPANIONS:
        companion = path.with_name(path.name + each)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + each))
    sync_folder(path.parent)
    return aside
