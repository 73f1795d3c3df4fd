"""Backups of session files that telekeep does not keep: ``bot.session`` and the like.

A plain copy of a live database can hold rows that were never committed. So what is stored is one consistent image,
taken under SQLite's own lock, checked page by page, and read back. It is a credential like the file itself: mode 0600
in a folder of its owner's alone.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from telekeep.database import border
from telekeep.errors import (
    BackupDamaged,
    NothingToRestore,
    SessionBusy,
    SessionCorrupt,
    SessionNotFound,
    TelegramSessionError,
    UnknownFormat,
)
from telekeep.folder import beside, publish, set_aside
from telekeep.keeper.adopt.swap import check_rights
from telekeep.keeper.adopt.swap import opened as opened_for_swap
from telekeep.keeper.adopt.users import with_file_open
from telekeep.keeper.backup import folder_of
from telekeep.keeper.transfer import take
from telekeep.session import formats
from telekeep.session.formats import image
from telekeep.vault.archive.folder import refuse_within, store, throw_away
from telekeep.vault.archive.retention import ASKED, AUTOMATIC, Candidate, Retention, surplus

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.lease.holder import Holder
    from telekeep.session.model import Session

SUFFIX = ".session"
_COMPANIONS = ("-journal", "-wal", "-shm")
_BEFORE = "before restore"


@dataclass(frozen=True)
class FileBackup:
    """A backup of the session file ``source``. ``held_by``: who spoke with its key meanwhile; ``dropped``: older ones
    that were thrown away. ``made_at`` in wall-clock seconds.
    """

    source: Path
    path: Path
    made_at: float
    size: int
    held_by: Holder | None = None
    dropped: tuple[Path, ...] = ()


def back_up_file(
    keeper: Keeper, file: Path, *, to: Path | None = None, retention: Retention | None = None, reason: str = ASKED
) -> FileBackup:
    """Store a consistent, checked image of the SQLite session ``file``. Parameters as in `keeper.backup.back_up`.

    Its lease is held meanwhile where it is free, so that nobody begins to use it. Where somebody has it, the image is
    what was committed last, and ``held_by`` says so. Raises SessionNotFound, UnknownFormat for what is no session
    file, SessionCorrupt for a damaged one, SessionBusy if it is being written all the time.
    """
    folder = to or folder_of(keeper)
    refuse_within(folder, keeper.home.vault)
    stem, now = file.stem, keeper.clock.wall()
    with ExitStack() as held:
        holder = _hold(keeper, read_whole(file)[1], held)
        data, _ = read_whole(file)
        path = store(folder, data, lambda again: _check(again, data), stem=stem, suffix=SUFFIX, at=now)
    return FileBackup(file, path, now, len(data), holder, _tidied(folder, stem, retention, reason, now))


def read_whole(file: Path) -> tuple[bytes, Session]:
    """The image of a session file, and the session in it, both found sound. Raises as `back_up_file`."""
    data = formats.read_file(file)
    if not image.is_database(data):
        raise UnknownFormat(
            f"{file} is no SQLite session file.", remedy=f"Keep it, then back that up: telekeep import {file}"
        )
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(_out_of_wal(data))
            connection.execute("PRAGMA trusted_schema = OFF")
            said = [row[0] for row in connection.execute("PRAGMA integrity_check(1)")]
    except sqlite3.Error:
        said = []
    if said != ["ok"]:
        raise SessionCorrupt(f"{file} is damaged: SQLite finds its pages in disorder.", remedy=image.COPY_AGAIN)
    return data, formats.read(data)


def copies_of(keeper: Keeper, file: Path, at: Path | None = None) -> list[tuple[Path, float]]:
    """The backups of ``file``, newest first, and when they were made; in ``at`` (a folder) or the home's folder."""
    folder = at or folder_of(keeper)
    if not folder.is_dir():
        return []
    with border(folder):
        paths = [path for path in folder.iterdir() if not path.is_symlink() and path.is_file()]
    found = [(path, made_at) for path in paths if (made_at := _made_at(path, file.stem)) is not None]
    return sorted(found, key=lambda each: (each[1], len(each[0].name), each[0].name), reverse=True)


def restore_file(keeper: Keeper, file: Path, copy: Path) -> tuple[Session, FileBackup | None]:
    """Put ``copy`` in the place of the session ``file``; the session in it, and the backup of what was there before.

    The copy is read and checked before anything is touched. What was there is backed up, or set aside if it cannot be
    read, and so is a journal that was left beside it. Raises BackupDamaged, NothingToRestore, SessionBusy while a
    program uses the file or speaks with its key.
    """
    try:
        data, session = read_whole(copy)
    except SessionNotFound:
        raise NothingToRestore(f"There is no backup {copy}.") from None
    except (SessionCorrupt, UnknownFormat) as error:
        raise BackupDamaged(f"The backup {copy.name} is no use: {error.message}") from None
    with ExitStack() as held:
        take(keeper, session.auth_key.id, held, floor=0, purpose=f"restoring {file.name}")
        if not os.path.lexists(file):
            _put(file, data, keeper)
            return session, None
        about = check_rights(file)
        if users := with_file_open(about, but=(os.getpid(),)):
            raise SessionBusy(
                f"{file} is open in {', '.join(users)}.", remedy="Stop that program, and run the command again."
            )
        try:
            _, present = read_whole(file)
        except (SessionCorrupt, UnknownFormat):
            set_aside(file, inode=about.st_ino, stamp=int(keeper.clock.wall()))
            _put(file, data, keeper)
            return session, None
        if present.auth_key.id != session.auth_key.id:
            take(keeper, present.auth_key.id, held, floor=0, purpose=f"replacement of {file.name}")
        before = back_up_file(keeper, file, reason=_BEFORE)
        with opened_for_swap(file) as there:
            there.replace(data, beside(file))
    return session, before


def _put(file: Path, data: bytes, keeper: Keeper) -> None:
    """Write ``file``, which is not there. A journal left beside it would be played back into the new one."""
    stamp = int(keeper.clock.wall())
    draft = beside(file)
    try:
        with border(file):
            for suffix in _COMPANIONS:
                left = file.with_name(file.name + suffix)
                if os.path.lexists(left):
                    left.rename(left.with_name(f"{left.name}.damaged-{stamp}-{os.urandom(2).hex()}"))
            with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as opened:
                opened.write(data)
                opened.flush()
                os.fsync(opened.fileno())
            publish(draft, file)
    finally:
        draft.unlink(missing_ok=True)


def _hold(keeper: Keeper, session: Session, held: ExitStack) -> Holder | None:
    try:
        lease = keeper.leases.try_acquire(session.auth_key.id, purpose="backup")
    except SessionBusy as busy:
        found: Holder | None = busy.holder
        return found
    held.callback(lease.release)
    return None


def _check(again: bytes, data: bytes) -> None:
    if again != data:
        raise BackupDamaged("The backup on the disk is not what was written.")
    formats.read(again)


def _tidied(folder: Path, stem: str, retention: Retention | None, reason: str, now: float) -> tuple[Path, ...]:
    if retention is None and reason == ASKED:
        return ()
    found = []
    for path in folder.iterdir():
        made_at = _made_at(path, stem)
        if made_at is None or path.is_symlink():
            continue
        with suppress(TelegramSessionError):  # one that cannot be read is no candidate: it may be evidence
            found.append(Candidate(path, made_at, frozenset([read_whole(path)[1].auth_key.id])))
    gone = surplus(found, retention or Retention(AUTOMATIC.last, AUTOMATIC.seconds), now=now)
    throw_away(gone)
    return gone


def _made_at(path: Path, stem: str) -> float | None:
    """When a backup of ``stem`` was made, as its name says: the time of a file changes when it is copied."""
    found = re.fullmatch(re.escape(stem) + r"_backup_(\d{8}_\d{6})(_\d+)?" + re.escape(SUFFIX), path.name)
    if found is None:
        return None
    with suppress(ValueError, OverflowError):
        return time.mktime(time.strptime(found[1], "%Y%m%d_%H%M%S"))
    return None


def _out_of_wal(data: bytes) -> bytes:
    return data[:18] + b"\1\1" + data[20:] if data[18:20] == b"\2\2" else data
