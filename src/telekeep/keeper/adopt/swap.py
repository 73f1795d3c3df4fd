"""Replacing the content of a file: whole or not at all, and only if it still is what was read.

The new content is written beside it and takes its name in one move. A database is locked meanwhile: who opens it at
that moment waits, and finds the new session in the old file too.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from telekeep.errors import ConfigError, SessionBusy, StorageUnavailable, TelekeepError
from telekeep.keeper.adopt.places.telethon_file import write_row
from telekeep.paths import sync_folder
from telekeep.session import formats
from telekeep.session.formats import image
from telekeep.session.formats.image import COPY_AGAIN
from telekeep.session.model import Session

_PATIENCE = 2.0  # seconds for a program that is writing
_COMPANIONS = ("-journal", "-wal", "-shm")


def draft_of(path: Path, adoption_id: str) -> Path:
    """Where new content is written before it is whole. Known, so that what a crash left behind can be removed."""
    return path.with_name(f".{path.name}.{adoption_id}")


def check_rights(path: Path) -> os.stat_result:
    """Make sure that ``path`` can be replaced; how it is now. Raises ConfigError or StorageUnavailable in words."""
    try:
        found = path.lstat()
    except OSError as error:
        raise StorageUnavailable(f"{path} cannot be looked at: {error.strerror}.") from None
    if found.st_nlink > 1:
        raise ConfigError(
            f"{path} has {found.st_nlink} names (hard links): under the others the real key would stay.",
            remedy="Delete the other names, or put copies in their places and adopt each.",
        )
    if found.st_uid != os.geteuid() and os.geteuid() != 0:
        raise ConfigError(f"{path} belongs to another user.", remedy="Run as its owner.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StorageUnavailable(
            f"The folder {path.parent} cannot be written: a new file could not take the place of {path.name}.",
            remedy=f"Mend its rights (chmod u+w {path.parent}), then run the command again. Nothing was changed.",
        )
    return found


class Open:
    """A file that is about to be replaced: its ``content``, and ``about`` it."""

    def __init__(self, path: Path, content: bytes, connection: sqlite3.Connection | None) -> None:
        self.path = path
        self.content = content
        self.about = path.lstat()
        self._connection = connection

    @property
    def mode(self) -> int:
        """The rights its successor gets: the owner's, nobody else's."""
        return stat.S_IMODE(self.about.st_mode) & 0o700

    @property
    def narrowed(self) -> bool:
        return stat.S_IMODE(self.about.st_mode) != self.mode

    def replace(self, content: bytes, draft: Path) -> None:
        """On disk when this returns. Raises SessionBusy if somebody changed the file, StorageUnavailable if the disk
        refuses; the file is as it was then.
        """
        try:
            draft.unlink(missing_ok=True)
            self._write(content, draft)
            now = self.path.lstat()
            same = (now.st_dev, now.st_ino, now.st_size) == (
                self.about.st_dev, self.about.st_ino, self.about.st_size
            )  # fmt: skip
            if not same or (self._connection is None and self.path.read_bytes() != self.content):
                raise SessionBusy(
                    f"{self.path} was changed at this very moment; nothing was done to it.",
                    remedy="Stop the program that writes to it, and run the command again.",
                )
            draft.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            if isinstance(error, TelekeepError):
                raise
            raise StorageUnavailable(f"{self.path} cannot be replaced: {error.strerror}.") from None
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)

    def _write(self, content: bytes, draft: Path) -> None:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
            if os.geteuid() == 0:
                os.fchown(file.fileno(), self.about.st_uid, self.about.st_gid)
            else:
                with suppress(OSError):  # a group we are not in: the group has no rights anyway
                    os.fchown(file.fileno(), -1, self.about.st_gid)
            os.fchmod(file.fileno(), self.mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def blind(self, session: Session) -> None:
        """Put ``session`` into the replaced database as well, for a program that has opened it and waits for the lock.

        It has no name any more; this needs no journal.
        """
        if self._connection is not None:
            with suppress(sqlite3.Error):  # without a name, nothing of it counts
                write_row(self._connection, session)
                self._connection.execute("COMMIT")


@contextmanager
def opened(path: Path) -> Iterator[Open]:
    """The file at ``path``, read; a database stays locked until the end, and is whole in itself: what a journal or a
    write-ahead log beside it held is in it.

    Raises SessionBusy if somebody uses it, SessionCorrupt, StorageUnavailable.
    """
    content = formats.read_file(path)
    if not image.is_database(content):
        yield Open(path, content, None)
        return
    try:
        with closing(sqlite3.connect(_uri(path), uri=True, timeout=_PATIENCE, isolation_level=None)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            # plays back a journal, takes in a write-ahead log, and is itself journalled on disk, unlike the next
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA journal_mode = MEMORY")
            connection.execute("BEGIN EXCLUSIVE")
            _refuse_companions(path)
            yield Open(path, connection.serialize(), connection)
    except sqlite3.Error as error:
        raise _named(error, path) from None


def _uri(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=rw"


def _refuse_companions(path: Path) -> None:
    left = [each for each in _COMPANIONS if path.with_name(path.name + each).exists()]
    if left:
        raise SessionBusy(
            f"{path.name}{left[0]} lies beside {path}: a program uses it, or has left it behind.",
            remedy="Stop the program that uses this session, and run the command again. Nothing was changed.",
        )


def _named(error: sqlite3.Error, path: Path) -> TelekeepError:
    code = (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return SessionBusy(
            f"Another program uses {path} at this moment.",
            remedy="Stop that program, and run the command again. Nothing was changed.",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR):
        return StorageUnavailable(f"{path} cannot be written.", remedy="Mend its rights. Nothing was changed.")
    from telekeep.errors import SessionCorrupt

    return SessionCorrupt(f"{path} cannot be read as a database: it is damaged.", remedy=COPY_AGAIN)
