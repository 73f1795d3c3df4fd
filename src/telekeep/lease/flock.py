"""An exclusive flock(2) on a file, in which no forked child and no program that is started has a part.

The kernel gives a flock back when the last copy of its descriptor is closed. So programs inherit none (O_CLOEXEC), and
a forked child closes its copies before it runs anything else; a fork waits while a file is opened and noted. Links are
not followed. A file that is there is opened without O_CREAT, which a sticky folder refuses on other users' files
(fs.protected_regular). Files are never removed, nor made shorter.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from errno import EACCES, EAGAIN
from functools import cache
from threading import RLock

_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_HELD_BY_ANOTHER = (EACCES, EAGAIN)

_guard = RLock()
_descriptors: set[int] = set()


def take(path: str, mode: int) -> int | None:
    """Lock the file at ``path``, made with ``mode`` where there is none: its descriptor; None if another has it.

    Never waits. Raises what `os.open` and `fcntl.flock` do.
    """
    _mind_forks()
    with _guard:
        descriptor, is_new = _opened(path, mode)
        _descriptors.add(descriptor)
    try:
        if is_new:
            with suppress(PermissionError):
                os.fchmod(descriptor, mode)  # whatever the umask is
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        _close(descriptor)
        if error.errno in _HELD_BY_ANOTHER:
            return None
        raise
    return descriptor


def give_back(descriptor: int) -> None:
    """Unlock and close: the first counts even where somebody has a copy of the descriptor."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    _close(descriptor)


def _opened(path: str, mode: int) -> tuple[int, bool]:
    while True:
        with suppress(FileNotFoundError):
            return os.open(path, _FLAGS), False
        with suppress(FileExistsError):  # somebody has just made it
            return os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, mode), True


def _close(descriptor: int) -> None:
    with _guard:
        _descriptors.discard(descriptor)
        os.close(descriptor)


@cache
def _mind_forks() -> None:
    os.register_at_fork(before=_guard.acquire, after_in_parent=_guard.release, after_in_child=_leave_all)


def _leave_all() -> None:
    for descriptor in _descriptors:
        os.close(descriptor)
    _descriptors.clear()
    _guard.release()
