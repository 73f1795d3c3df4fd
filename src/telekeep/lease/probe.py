"""Asking who holds a lease, without taking it. Loads fcntl and nothing heavy: `telekeep status` stands on this.

Whether a lease is held, the kernel says, not the file: a file stays when its holder is gone. The lock itself is a
flock, and flock can only be asked about by trying it, which would refuse an acquirer who comes at that moment. So a
holder also puts an open-file-description lock (fcntl(2), F_OFD_SETLK) on the same descriptor, its *lamp*: the kernel
answers F_OFD_GETLK about it as a pure question, across containers too, and takes it away with the descriptor, at
kill -9 like at release. (/proc/locks would disturb nobody either, but hides the locks of other pid namespaces and takes
time by the number of locks on the machine.) The flock decides; the lamp only tells.

Kernels without such locks (some BSDs) are asked by a shared flock for a microsecond; acquirers there try again.
"""

from __future__ import annotations

import fcntl
import os
import stat
import struct
from collections.abc import Iterable
from errno import EACCES, EAGAIN
from pathlib import Path

from telekeep.lease.holder import UNKNOWN, Holder
from telekeep.lease.record import SIZE, decode

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_SETLK = getattr(fcntl, "F_OFD_SETLK", None)
_GETLK = getattr(fcntl, "F_OFD_GETLK", None)
_LOCK = struct.Struct("hhqqi")  # struct flock of Linux: type, whence, start, length (0: to the end), pid


def light(descriptor: int) -> None:
    """Show that the lease file open (for writing) as ``descriptor`` is held. Only for who has its flock."""
    _set(descriptor, fcntl.F_WRLCK)


def put_out(descriptor: int) -> None:
    """Undo `light`, before the flock is given back."""
    _set(descriptor, fcntl.F_UNLCK)


def _set(descriptor: int, kind: int) -> None:
    if _SETLK is None:
        return
    try:
        fcntl.fcntl(descriptor, _SETLK, _LOCK.pack(kind, os.SEEK_SET, 0, 0, 0))
    except OSError:
        pass  # no such locks here, or someone else's prank: the flock is what counts


def is_lit(descriptor: int) -> bool:
    """Whether another descriptor than this one holds the lease file open as ``descriptor``."""
    if _GETLK is not None:
        try:
            answer = fcntl.fcntl(descriptor, _GETLK, _LOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0))
            return bool(_LOCK.unpack(answer)[0] != fcntl.F_UNLCK)
        except OSError:
            pass
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (EACCES, EAGAIN):
            return True
        raise
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def is_lease_file(found: os.stat_result) -> bool:
    """Whether it is a plain file of one name. Anything else was planted: writing to it would write elsewhere."""
    return stat.S_ISREG(found.st_mode) and found.st_nlink <= 1


def holder(folder: Path, name: str) -> Holder | None:
    """Who holds the lease called ``name`` in ``folder``, or None if it is free.

    One that cannot be opened, or is no plain file, counts as held. Held by `UNKNOWN` means that the face is missing or
    damaged.
    """
    return _holder(f"{folder}{os.sep}{name}.lease")


def holders(folder: Path, names: Iterable[str]) -> dict[str, Holder]:
    """Those of ``names`` that are held, with their holders."""
    start = f"{folder}{os.sep}"
    try:
        with os.scandir(folder) as found:  # one look, instead of one for each name
            there = {each.name for each in found}
    except FileNotFoundError:
        return {}
    except OSError:
        there = None  # it may be entered and not read: ask for each
    asked = ((name, _holder(f"{start}{name}.lease")) for name in names if there is None or f"{name}.lease" in there)
    return {name: found for name, found in asked if found is not None}


def is_held(folder: Path, name: str) -> bool:
    """Whether anyone holds the lease called ``name`` in ``folder``."""
    return holder(folder, name) is not None


def _holder(path: str) -> Holder | None:
    try:
        descriptor = os.open(path, READ)
    except FileNotFoundError:
        return None
    except OSError:
        return UNKNOWN
    try:
        if not is_lease_file(os.fstat(descriptor)):
            return UNKNOWN
        return decode(os.pread(descriptor, SIZE, 0)) if is_lit(descriptor) else None
    except OSError:
        return UNKNOWN
    finally:
        os.close(descriptor)
