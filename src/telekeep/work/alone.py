"""One daemon for each home: ``run/daemon.lock``, held for as long as one runs.

The kernel lets it go when the process dies, however it dies. The file stays, and says nothing by being there.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from telekeep.errors import StorageUnavailable
from telekeep.paths import Home

NAME = "daemon.lock"


def take(home: Home) -> int | None:
    """Take the lock of ``home`` and return its descriptor, which is to be closed; None if another process has it.

    Raises StorageUnavailable if it cannot be asked for.
    """
    return _locked(home.run / NAME, os.O_CREAT, fcntl.LOCK_EX)


def is_in_place(home: Home, lock: int) -> bool:
    """Whether the lock open as descriptor ``lock`` is still the one that another daemon of ``home`` would ask."""
    try:
        there, ours = (home.run / NAME).lstat(), os.fstat(lock)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def is_free(home: Home) -> bool:
    """Whether no daemon of ``home`` runs. Asks the kernel, and for a moment keeps one from starting."""
    try:
        descriptor = _locked(home.run / NAME, 0, fcntl.LOCK_SH)
    except FileNotFoundError:
        return True
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def _locked(path: Path, flags: int, how: int) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageUnavailable(f"{path} cannot be opened: {error.strerror}.") from None
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:
        os.close(descriptor)
        raise StorageUnavailable(f"{path} cannot be locked: {error.strerror}.") from None
    return descriptor
