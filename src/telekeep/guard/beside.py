"""What lies beside a session file: ``x.process_info``, our own face, and ``x.lock``, of other programs.

Neither is a lock: the lease is. The face tells who uses the file, is touched every ten seconds, and goes when its
holder leaves; left behind by a process that was killed, it means nothing but that. Where several machines or containers
share a folder and not the leases, it is the only sign of one another, and is heeded while it is fresh.

Lock files are those of programs that lock with flock(2) or fcntl(2) beside the session, as older guards do. That one is
there says nothing; the kernel is asked whether anybody has it locked. None is ever made, locked for longer than the
question takes, or removed: who removes a lock file that another has open lets a third one lock the next.
"""

from __future__ import annotations

import fcntl
import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from telekeep.clock import Clock
from telekeep.guard.places import SUFFIX, neighbour
from telekeep.lease.holder import Fate, Holder, fate
from telekeep.lease.probe import READ, is_lease_file
from telekeep.lease.record import SIZE, decode, encode

FRESH_SECONDS = 60.0  # six missed signs of life
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_QUESTION = struct.Struct("hhqqi")  # struct flock of Linux: type, whence, start, length, pid


class Face:
    """Our face beside the session file at ``path``. A folder that cannot be written to gets none."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self._path = info_file(path)
        self._holder = holder
        self._is_shown = False

    def show(self) -> None:
        with suppress(OSError):  # written over in one go, as a lease file is; it need not outlast the machine
            descriptor = os.open(self._path, _WRITE, 0o600)
            try:
                if is_lease_file(os.fstat(descriptor)):
                    os.pwrite(descriptor, encode(self._holder), 0)
                    os.ftruncate(descriptor, SIZE)
                    self._is_shown = True
            finally:
                os.close(descriptor)

    def beat(self) -> None:
        """A sign of life."""
        if self._is_shown and self._is_ours():
            with suppress(OSError):
                os.utime(self._path)

    def take_away(self) -> None:
        if self._is_shown and self._is_ours():
            self._path.unlink(missing_ok=True)
        self._is_shown = False

    def _is_ours(self) -> bool:
        return _read(self._path) == self._holder


class Left(NamedTuple):
    """A face that somebody left. ``age``: seconds since its last sign of life."""

    path: Path
    holder: Holder
    fate: Fate
    age: float

    @property
    def is_elsewhere(self) -> bool:
        """Whether it may be alive where the leases of this machine do not reach."""
        return self.fate == "unknown" and self.holder.is_elsewhere and self.age < FRESH_SECONDS


class Lock(NamedTuple):
    """A lock file of another program, and whether anybody has it locked."""

    path: Path
    is_locked: bool


def info_file(path: Path) -> Path:
    return neighbour(path, ".process_info")


def lock_file(path: Path) -> Path:
    return neighbour(path, ".lock")


def left(path: Path, *, clock: Clock) -> Left | None:
    """The face beside the session file at ``path``; None if there is none, or it is one of ours."""
    info = info_file(path)
    holder = _read(info)
    if holder is None or holder.is_this_process:
        return None
    try:
        age = max(0.0, clock.wall() - info.stat().st_mtime)
    except OSError:  # it is taken away this moment
        return None
    return Left(info, holder, fate(holder, clock=clock), age)


def locks(path: Path) -> list[Lock]:
    """The lock files beside it: ``x.lock``, and ``x.session.lock`` of a program that said ``x.session``."""
    found = [lock_file(path), neighbour(path, f"{SUFFIX}.lock")]
    return [Lock(each, _is_locked(each)) for each in found if os.path.lexists(each)]


def _read(info: Path) -> Holder | None:
    try:
        descriptor = os.open(info, READ)
    except OSError:
        return None
    try:
        return decode(os.read(descriptor, SIZE))
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _is_locked(lock: Path) -> bool:
    """Whether anybody has a lock of either kind on it. One that cannot be asked about counts as locked."""
    try:
        descriptor = os.open(lock, READ)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        return _has_record_lock(descriptor) or not _can_be_shared(descriptor)
    finally:
        os.close(descriptor)


def _has_record_lock(descriptor: int) -> bool:
    """Whether a lock of fcntl(2) is on it. A pure question; this process's own do not count."""
    ask = getattr(fcntl, "F_OFD_GETLK", None)
    if ask is None:
        return False
    try:
        answer = fcntl.fcntl(descriptor, ask, _QUESTION.pack(fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0))
    except OSError:
        return True
    return bool(_QUESTION.unpack(answer)[0] != fcntl.F_UNLCK)


def _can_be_shared(descriptor: int) -> bool:
    """Whether nobody has it locked with flock(2), which can only be asked about by trying: shared, for a moment."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True
