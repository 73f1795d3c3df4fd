"""Which file a name means, which keys lie in it, and the leases that all its names share.

A file is held under several names at once, so that whoever comes by another way meets one of them:

- its real path, whatever is written (``x``, ``x.session``, a relative path, a link): also while it is not there yet;
- every auth key in it: a copy under another name or in another folder, a string, a vault record have the same key;
- while it has no key, the file itself (device and inode): a hard link has another path.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import Any, TypeAlias

from telekeep.errors import ConfigError, SessionCorrupt, SessionNotFound, StorageUnavailable, UnknownFormat
from telekeep.session import formats
from telekeep.session.formats import image
from telekeep.session.model import KEY_BYTES, AuthKey

SUFFIX = ".session"
_BUSY_SECONDS = 0.25  # for a program that is writing; whoever waits for the lease comes again
# Where the clients put their keys: Telethon and Pyrogram; Telethon 2.
_KEYS = ("SELECT auth_key FROM sessions LIMIT 101", "SELECT auth FROM datacenter LIMIT 101")
_MOST = 100  # keys of one file: Telegram has five data centers

Name: TypeAlias = str | os.PathLike[str]

# While a file is read nobody forks: a child would inherit SQLite's own locks, held by a thread that it does not have.
_reading = RLock()
os.register_at_fork(before=_reading.acquire, after_in_parent=_reading.release, after_in_child=_reading.release)


def database(name: Name) -> Path:
    """The file that a client opens for ``name``, links followed: ``name.session``, or ``name`` if it ends so already.

    A file that is called exactly ``name``, where there is no ``name.session``, is meant itself. It need not exist.
    Raises ConfigError for what no file can be called.
    """
    given = os.fspath(name)
    try:
        plain = Path(os.path.realpath(given))
        with_suffix = Path(os.path.realpath(given + SUFFIX))
        if not given or given.endswith("/"):
            raise ValueError
        if given.endswith(SUFFIX) or (plain.is_file() and not with_suffix.exists()):
            return plain
    except (OSError, ValueError):
        raise ConfigError(f"{given[:80]!r} is no name of a session file.", remedy="Name a file.") from None
    return with_suffix


def neighbour(path: Path, ending: str) -> Path:
    """``x.lock`` for ``x.session``."""
    return path.with_name(path.name.removesuffix(SUFFIX) + ending)


def lease_ids(path: Path) -> list[int]:
    """What the leases of the file at ``path`` are named after, the path's first. Reads the file.

    Raises SessionBusy if it is being written all the time, StorageUnavailable if it cannot be read: nobody can tell
    then who else has its key.
    """
    ids = [path_id(path)]
    try:
        found = path.stat()
    except FileNotFoundError:
        return ids
    except OSError:
        return ids + sorted(key_ids(path))  # raises, with the reason
    keys = sorted(key_ids(path))
    return ids + (keys or [_id(b"file", f"{found.st_dev} {found.st_ino}".encode())])


def path_id(path: Path) -> int:
    """What the lease of a path is named after, whether there is a file or not."""
    return _id(b"path", os.fsencode(path))


def _id(kind: bytes, name: bytes) -> int:
    """64 bits, as an auth key id has: the lease folder knows no other names."""
    return int.from_bytes(sha256(b"telekeep guard " + kind + b" " + name).digest()[:8], "little")


def key_ids(path: Path) -> frozenset[int]:
    """The ids of the auth keys in the session file at ``path``, of whichever client and version.

    A file without a key, a damaged one and one that is no session at all have none. Raises SessionBusy and
    StorageUnavailable.
    """
    with _reading:
        try:
            return _ids(_asked(path))
        except sqlite3.Error:  # no database, a crashed writer's journal, or somebody writes: that is told apart there
            pass
        try:
            source = formats.read_file(path, timeout=_BUSY_SECONDS)
            if not image.is_database(source):
                return frozenset({formats.read(source).auth_key.id})
            with image.opened(source) as connection:
                return _ids(_rows(connection))
        except (SessionNotFound, SessionCorrupt, UnknownFormat):
            return frozenset()


def _asked(path: Path) -> list[Any]:
    """What SQLite itself says: a client of this very process may have the file open, and closing any other descriptor
    of it would drop that client's locks (sqlite.org/howtocorrupt.html, 2.2).
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # is it a database?
        return list(_rows(connection))


def _rows(connection: sqlite3.Connection) -> Iterator[Any]:
    for query in _KEYS:
        try:
            found = connection.execute(query).fetchall()
            if len(found) > _MOST:  # which of them is used, nobody can tell
                raise StorageUnavailable("This session file holds more keys than any program makes.")
            yield from (key for (key,) in found)
        except sqlite3.OperationalError as error:
            if (getattr(error, "sqlite_errorcode", 0) & 0xFF) != sqlite3.SQLITE_ERROR:  # else: no such table
                raise


def _ids(keys: Any) -> frozenset[int]:
    return frozenset(AuthKey(each).id for each in keys if type(each) is bytes and len(each) == KEY_BYTES and any(each))
