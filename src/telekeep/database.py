"""One SQLite file: made whole, checked at every open, and never heard of by its own error names.

A connection is not carried over a fork, and not kept when the file under its name is another one.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import RLock, get_ident
from types import TracebackType
from typing import Any, NamedTuple, TypeAlias

from telekeep.errors import (
    DiskFull,
    DiskReadOnly,
    SessionCorrupt,
    StorageUnavailable,
    TelegramSessionError,
    TelekeepError,
    UnknownFormat,
)
from telekeep.folder import beside, publish, set_aside
from telekeep.paths import check_private_file

# The file as a whole, not one record of it: its older generations are in it, too.
PUT_BACK = "Put a copy of the file back, or log in anew into another --home. Nothing was changed."

Turns: TypeAlias = AbstractContextManager[bool]

_CACHE = 64
"""KiB of a file's pages that are kept in memory. The kernel has them as well; SQLite's 2 MB for each file were a fifth
of what an owner of 200 sessions took for them [measured by ``make bench``, room]."""

_PATIENCE = 30.0
"""Seconds to wait for others that are writing. SQLite gives the lock to whoever asks at the right moment, and asks ten
times a second: with eight writers on a machine with much else to do, one of them had not met it in five.
"""

_left_by_a_fork: list[sqlite3.Connection] = []  # closing the parent's connection in the child would harm the parent


# Why a file may be left as old as it is: there is no room, or no right, to write.
_UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR)


class Kind(NamedTuple):
    """What a file is: ``application_id`` and ``version`` in its SQLite header, its tables, how commits are synced.

    ``upgrades``: for every version before this one, from the first, the statements that lead to the next.
    """

    noun: str
    application_id: int
    version: int
    schema: Sequence[str]
    journal: str
    synchronous: str
    upgrades: Sequence[Sequence[str]] = ()

    def missing(self, version: int) -> list[str]:
        """The statements that a file of ``version`` lacks."""
        return [statement for upgrade in self.upgrades[version - 1 :] for statement in upgrade]


class Database:
    """One SQLite file of a known kind.

    ``turns``: taken by a thread while it uses the file. Files used inside one another's transactions must share
    it, or two threads could wait for each other. ``busy``: seconds to wait for another process that is writing.
    """

    def __init__(self, path: Path, kind: Kind, *, turns: Turns | None = None, busy: float = _PATIENCE) -> None:
        self.path = path.absolute()
        self._kind = kind
        self._busy = busy
        self._turns = turns or RLock()
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int, int] | None = None  # process, device, inode
        self._in_view = False
        self._viewer = 0  # the thread that was last in a view
        self._is_old = False  # whether the file could not be brought up to date when it was opened

    @classmethod
    def create(cls, path: Path, kind: Kind, fill: Callable[[sqlite3.Connection], None]) -> None:
        """Make the file, with what ``fill`` writes into it, whole or not at all.

        Raises FileExistsError if there is one already, StorageUnavailable if the disk refuses.
        """
        draft = beside(path.absolute())
        try:
            with border(path):
                os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
                connection = sqlite3.connect(draft, isolation_level=None)
                try:
                    # a draft needs no journal, and one sync: it is published whole or thrown away
                    connection.execute("PRAGMA journal_mode=MEMORY")
                    connection.execute("PRAGMA synchronous=OFF")
                    connection.execute("BEGIN")
                    connection.execute(f"PRAGMA application_id={kind.application_id}")
                    connection.execute(f"PRAGMA user_version={kind.version}")
                    for statement in kind.schema:
                        connection.execute(statement)
                    fill(connection)
                    connection.execute("COMMIT")
                    if kind.journal == "WAL":
                        connection.execute("PRAGMA journal_mode=WAL")
                finally:
                    connection.close()
                _sync(draft)
                publish(draft, path)
        finally:
            for companion in ("", "-wal", "-shm", "-journal"):
                draft.with_name(draft.name + companion).unlink(missing_ok=True)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write: the lock is taken first, all of it is committed at the end, none of it after an error."""
        with self._begun("BEGIN IMMEDIATE", writing=True) as connection:
            yield connection

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Read: one view of the file, whatever others write meanwhile."""
        viewed = self._viewed() if self.is_viewed else None
        return _Viewed(viewed, self.path) if viewed is not None else self._begun("BEGIN")

    @contextmanager
    def view(self) -> Iterator[None]:
        """All that is read inside is one view of the file, which is looked for and locked once; writing ends it.

        For work that waits for nothing: other threads wait for it.
        """
        with self._turns:
            before, self._in_view = self._in_view, True
            self._viewer = get_ident()
            try:
                yield
            finally:
                self._in_view = before
                if not before:
                    self._end_view()

    @property
    def is_viewed(self) -> bool:
        """Whether this thread is inside of `view`."""
        return self._in_view and self._viewer == get_ident()

    def _viewed(self) -> sqlite3.Connection | None:
        """The connection whose transaction is the view we are in."""
        found = self._connection
        return found if self._in_view and found is not None and found.in_transaction else None

    def _end_view(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            with border(self.path):
                self._connection.execute("COMMIT")

    @contextmanager
    def _begun(self, begin: str, *, writing: bool = False) -> Iterator[sqlite3.Connection]:
        with self._turns, border(self.path):
            connection = self._viewed()
            if connection is None or writing:
                self._end_view()
                connection = self._connected(writing=writing)
                connection.execute(begin)
            try:
                yield connection
                if writing or not self._in_view:
                    connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    with suppress(sqlite3.Error):  # the first error is the one that counts
                        connection.execute("ROLLBACK")
                raise

    def run(self, statement: str) -> None:
        """Execute one statement outside of any transaction."""
        with self._turns, border(self.path):
            self._connected().execute(statement)

    def is_whole(self) -> bool:
        """Whether SQLite finds nothing wrong with the file's pages and indexes; also where there is no file."""
        if not self.inode():
            return True
        try:
            with self.reading() as connection:
                return [tuple(row) for row in connection.execute("PRAGMA integrity_check(1)")] == [("ok",)]
        except (SessionCorrupt, UnknownFormat):
            return False

    def inode(self) -> int:
        """The inode of the file under our name now; 0 if there is none."""
        if self._opened is not None and self._viewed() is not None:
            return self._opened[2]
        with border(self.path):
            try:
                return self.path.stat().st_ino
            except FileNotFoundError:
                return 0

    def set_aside(self, *, inode: int, stamp: int) -> Path | None:
        """Let go of the file, and rename it as damaged: see `telekeep.folder.set_aside`. ``inode``: 0 for none."""
        self.close()
        return set_aside(self.path, inode=inode, stamp=stamp) if inode else None

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._turns:
            connection, self._connection = self._connection, None
            if connection is None:
                return
            if self._opened and self._opened[0] != os.getpid():
                _left_by_a_fork.append(connection)
                return
            with border(self.path):
                connection.close()

    def _connected(self, *, writing: bool = False) -> sqlite3.Connection:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self.close()
            raise SessionCorrupt(
                f"The {self._kind.noun} {self.path} is gone.",
                remedy="Put it back from a backup; nothing was made anew.",
            ) from None
        here = (os.getpid(), found.st_dev, found.st_ino)
        if self._connection is None or self._opened != here or self._is_old:
            self.close()
            self._connection = self._open(writing=writing)
            self._opened = here
        return self._connection

    def _open(self, *, writing: bool) -> sqlite3.Connection:
        check_private_file(self.path)
        # a write-ahead log needs files beside it even to be read; where none can be made, nobody writes either
        immutable = self._kind.journal == "WAL" and not os.access(self.path.parent, os.W_OK)
        uri = f"{self.path.as_uri()}?{'immutable=1' if immutable else 'mode=rw'}"
        connection = sqlite3.connect(uri, uri=True, timeout=self._busy, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("PRAGMA cell_size_check=ON")
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute(f"PRAGMA cache_size=-{_CACHE}")
            connection.execute("PRAGMA cache_spill=OFF")  # what is written stays together until it is committed
            version = self._recognise(connection)
            connection.execute(f"PRAGMA journal_mode={self._kind.journal}")
            connection.execute(f"PRAGMA synchronous={self._kind.synchronous}")
            self._is_old = version < self._kind.version and not self._upgrade(connection, writing=writing)
        except BaseException:
            connection.close()
            raise
        return connection

    def _upgrade(self, connection: sqlite3.Connection, *, writing: bool) -> bool:
        """Bring an older file up to date, in one transaction. Returns whether that is done.

        Who only reads need not fail where nothing can be written: the tables that are new are empty then, and the next
        use tries again.
        """
        try:
            connection.execute("BEGIN IMMEDIATE")
            version = self._recognise(connection)  # another process may have been quicker
            for statement in self._kind.missing(version):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={self._kind.version}")
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if writing or _code(error) not in _UNWRITABLE:
                raise
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.execute("PRAGMA temp_store=MEMORY")
            for statement in self._kind.missing(self._recognise(connection)):
                connection.execute(statement.replace("CREATE TABLE", "CREATE TEMP TABLE"))
            return False
        return True

    def _recognise(self, connection: sqlite3.Connection) -> int:
        """The version of the file. Raises UnknownFormat if it is none of ours, or newer."""
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != self._kind.application_id:
            raise UnknownFormat(
                f"{self.path} is no {self._kind.noun} of telekeep.", remedy="Move it away, or choose another --home."
            )
        if not self._kind.version - len(self._kind.upgrades) <= version <= self._kind.version:
            raise UnknownFormat(
                f"{self.path} has format {version}; this telekeep knows format {self._kind.version}.",
                remedy="Install the telekeep that wrote it, or a newer one. Nothing was changed.",
            )
        return int(version)


class _Viewed:
    """One reading inside a view: the turn and the transaction are the view's."""

    __slots__ = ("_connection", "_path")

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):  # the first error is the one that counts
                self._connection.execute("ROLLBACK")
        with border(self._path):
            raise error


@contextmanager
def border(path: Path) -> Iterator[None]:
    """Where errors of SQLite and the operating system become ours: the one place."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a fault in this program, not in the file
    except sqlite3.Error as error:
        raise _named(error, path) from None
    except UnicodeDecodeError:  # a message of SQLite that quotes damaged text
        raise SessionCorrupt(f"{path} is damaged.", remedy=PUT_BACK) from None
    except (FileExistsError, TelekeepError):  # a lost lease, and an error of the network, are OSErrors too
        raise
    except OSError as error:
        raise _named_os(error, path) from None


_AT_ONCE = 500  # keys in one statement; the oldest SQLite takes 999 values


def of_each(
    connection: sqlite3.Connection, query: str, keys: Iterable[str], *first: object
) -> Iterator[tuple[Any, ...]]:
    """The rows of ``query`` for all of these ``keys``, which stand where it says ``IN (?)``; ``first``: the values of
    what stands before that. One statement for some hundreds of keys.
    """
    left = tuple(dict.fromkeys(keys))
    while left:
        some, left = left[:_AT_ONCE], left[_AT_ONCE:]
        listed = f"IN ({','.join('?' * len(some))})"
        yield from connection.execute(query.replace("IN (?)", listed), (*first, *some)).fetchall()


def _code(error: sqlite3.Error) -> int:
    """The kind of error, without its extended part."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def named(error: sqlite3.Error | OSError, path: Path) -> TelegramSessionError:
    """The error of ours that ``error``, met while using the file ``path``, is."""
    return _named(error, path) if isinstance(error, sqlite3.Error) else _named_os(error, path)


def _named(error: sqlite3.Error, path: Path) -> TelegramSessionError:
    code = _code(error)
    name = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
    if code == sqlite3.SQLITE_FULL:
        return DiskFull(f"The disk of {path} is full.")
    if code == sqlite3.SQLITE_READONLY:
        return DiskReadOnly(f"{path} cannot be written: it, its folder or its disk is read-only.")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL):
        return StorageUnavailable(
            f"Another process has been writing to {path} for too long.", remedy="Try again in a moment."
        )
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOLFS):
        return StorageUnavailable(f"The disk does not give or take {path} ({name}).")
    return SessionCorrupt(f"{path} is damaged ({name}).", remedy=PUT_BACK)


def _named_os(error: OSError, path: Path) -> TelegramSessionError:
    what = error.filename or path
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"The disk of {what} is full.")
    if error.errno == errno.EROFS:
        return DiskReadOnly(f"{what} cannot be written: its disk is read-only.")
    return StorageUnavailable(f"{what} cannot be used: {error.strerror or type(error).__name__}.")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
