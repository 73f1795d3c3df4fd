"""Reading a session file that another program may be using, without changing it or anything beside it.

A plain copy of a live SQLite file can hold uncommitted rows and still look whole, so SQLite's own locks are taken, for
reading. A file that is no database is simply read.

Nothing here opens a database by itself if it can be helped: closing any descriptor of a file drops every POSIX lock the
process has on it, also those of a client that runs in this very process (sqlite.org/howtocorrupt.html, 2.2).
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

from telekeep.errors import SessionBusy, SessionCorrupt, SessionNotFound, StorageUnavailable, UnknownFormat
from telekeep.session.formats import bundle, foreign
from telekeep.session.formats.image import COPY_AGAIN

LARGEST = 256 << 20  # bytes; a Telethon file with a million peers has 60 MB
_SMALLEST_DATABASE = 512  # bytes, one page
_TRIES = 5
_SOME = 1 << 16  # bytes that are read even of a file that says it has none, as those in /proc do
_OF_TDATA = re.compile(r"key_data[s01]|[0-9A-F]{16}[s01]|config[s01]")
_OF_AN_ACCOUNT = re.compile(r"[0-9A-F]{16}")  # a folder in tdata
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
_SHARED_MEMORY = Path("/dev/shm")  # a copy of a key belongs on no disk


def read_file(path: Path, *, timeout: float = 2.0) -> bytes:
    """The content of a session file: a consistent snapshot if it is an SQLite database, its bytes otherwise.

    Links are followed. A folder that is one session (tdata, or a GramJS store) is packed into one piece, without what
    lies in it besides. ``timeout``: seconds to wait for a program that is writing to it. Raises SessionNotFound if
    there is no such file, StorageUnavailable if it cannot be read, SessionBusy if it is being written all the time,
    UnknownFormat for what is no file (another folder, a pipe, a device) or larger than `LARGEST`.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            return bundle.pack_folder(_itself(path), is_of_a_session, _OF_AN_ACCOUNT.fullmatch)
        _check_kind(path, found)
        if found.st_size < _SMALLEST_DATABASE:
            return _plain(path)
        match _journal(path):
            case "none":
                return _plain(path)
            case "rollback":
                return _under_lock(path, timeout) or _from_copy(path)
            case _:
                return _from_copy(path)
    except (FileNotFoundError, ValueError):  # ValueError: a name that no file can have
        raise SessionNotFound(f"There is no file {path}.", remedy="Check the path.") from None
    except OSError as error:
        raise StorageUnavailable(
            f"{path} cannot be read: {error.strerror}.", remedy="Mend its permissions, or run as its owner."
        ) from None


def _itself(path: Path) -> Path:
    """The folder that holds the session's files: ``path``, or the tdata in it, as in a portable Telegram Desktop."""
    if (folder := _session_in(path)) is not None:
        return folder
    raise UnknownFormat(
        f"{path} is a folder, and no session itself: neither tdata (key_datas) nor a GramJS store.",
        remedy="Name a session file; `telekeep import` takes a folder of many sessions too.",
    )


def _session_in(path: Path) -> Path | None:
    for folder in (path / "tdata", path):
        try:
            if any(is_of_a_session(each.name) for each in folder.iterdir()):
                return folder
        except (FileNotFoundError, NotADirectoryError):
            continue
    return None


def is_session_folder(path: Path) -> bool:
    """Whether ``path`` is a folder that is one session: tdata or a GramJS store."""
    try:
        return path.is_dir() and _session_in(path) is not None
    except OSError:
        return False


def is_of_a_session(name: str) -> bool:
    """Whether a file of that ``name`` is part of a session that is a folder."""
    return bool(_OF_TDATA.fullmatch(name)) or "%3A" in name or name in foreign.MADELINE_FILES | foreign.TDLIB_FILES


def _check_kind(path: Path, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise UnknownFormat(f"{path} is a folder; a session file or string is needed.", remedy="Name a file.")
    if not stat.S_ISREG(found.st_mode):
        raise UnknownFormat(f"{path} is no regular file but a pipe, socket or device.", remedy="Name a file, or - .")
    _check_size(path, found.st_size)


def _check_size(path: Path, size: int) -> None:
    if size > LARGEST:
        raise UnknownFormat(
            f"{path} has {size >> 20} MiB; no session file is that large.",
            remedy=f"At most {LARGEST >> 20} MiB are read: is this the right file?",
        )


def _journal(path: Path) -> str:
    """How the database at ``path`` keeps its journal: rollback, wal, or none if it is no database.

    ``nolock`` touches nothing: a database with a write-ahead log refuses to be opened so (sqlite.org/uri.html), before
    SQLite would make the files that such a log needs.
    """
    if not os.access(path, os.R_OK):
        raise PermissionError(13, "permission denied")
    try:
        with closing(_connect(path, "mode=ro&nolock=1", 0)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.Error as error:
        primary = (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
        if primary == sqlite3.SQLITE_CANTOPEN:
            return "wal"
        return "rollback" if primary == sqlite3.SQLITE_READONLY else "none"
    return "rollback"


def _connect(path: Path, parameters: str, timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?{parameters}", uri=True, timeout=timeout, isolation_level=None)


def _under_lock(path: Path, timeout: float) -> bytes | None:
    """The database under SQLite's shared lock; None if a crashed writer left a journal that must be played back."""
    with closing(_connect(path, "mode=ro", timeout)) as connection:
        try:
            connection.execute("BEGIN")
            connection.execute("PRAGMA schema_version").fetchone()  # takes the lock, keeps it until the end
            return connection.serialize()
        except sqlite3.Error as error:
            primary = (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
            if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise _busy(path) from None
            if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
                return None
            raise _damaged(path) from None


def _busy(path: Path) -> SessionBusy:
    return SessionBusy(
        f"Another program is writing to {path} at this moment.",
        remedy="Stop that program, or try again when it is idle; nothing was changed.",
    )


def _damaged(path: Path) -> SessionCorrupt:
    return SessionCorrupt(f"{path} cannot be read as a database: it is damaged.", remedy=COPY_AGAIN)


def _from_copy(path: Path) -> bytes:
    """Let SQLite recover a private copy: of a crashed writer's file, or of one with a write-ahead log."""
    import tempfile  # here: it takes 3 ms, and most files need no copy

    real = path.resolve()
    parts = _stable(real)
    if parts.get("-journal", b"").endswith(_JOURNAL_MAGIC):
        # So end journals of transactions over several databases (sqlite.org/atomiccommit.html, 5): SQLite would open
        # a further file, by its name. No client makes such, and a stranger's journal could name any.
        raise _damaged(path)
    base = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="telekeep-", dir=base) as folder:
        copy = Path(folder) / "copy"
        for suffix, content in parts.items():
            copy.with_name(copy.name + suffix).write_bytes(content)
        try:
            with closing(_connect(copy, "mode=rw", 0)) as connection:
                connection.execute("BEGIN")
                connection.execute("PRAGMA schema_version").fetchone()
                return connection.serialize()
        except sqlite3.Error:
            raise _damaged(path) from None


def _stable(real: Path) -> dict[str, bytes]:
    """The file and its journals, read twice and found equal: no lock says here that nobody writes."""
    before = _parts(real)
    for _ in range(_TRIES):
        after = _parts(real)
        if after == before:
            return after
        before = after
    raise _busy(real)


def _parts(real: Path) -> dict[str, bytes]:
    parts = {"": _plain(real)}
    for suffix in ("-journal", "-wal"):
        try:
            parts[suffix] = _plain(real.with_name(real.name + suffix))
        except FileNotFoundError:
            continue
    return parts


def _plain(path: Path) -> bytes:
    # Opened without waiting for a writer, and looked at again: what was a file may have become a pipe meanwhile.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        _check_kind(path, found)
        return file.read(max(found.st_size, _SOME))  # room is made for as much as is asked for
