"""Session files by name: the real one is set aside, a stand-in lies in its place, and both is undone at the end.

For each file there is a claim in the home's folder ``run/files``: a record of what is to be undone, and a lock that
each process using the file holds in common. Whoever finds a claim that nobody holds undoes it: `telekeep run` when its
program has ended, the next `run`, the daemon when it starts. So it does not matter who is killed, or when:

- the record is on disk before anything is moved;
- the real file is moved by one rename to a name beside it, never read by the program, written to or deleted;
- a stand-in is removed only while it still holds a loan; what a program put in its place stays.

Several programs of one session may share a file; the last one restores it. Two sessions may not.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager

from .refusal import Refused

if False:  # TYPE_CHECKING, without importing typing into every program
    from collections.abc import Callable, Iterator
    from typing import Any

ASIDE = ".set-aside-by-telekeep"
_LOCK = "turn.lock"
_LARGEST_STAND_IN = 1 << 24  # bytes; a program may have added to it
_BESIDES = ("-journal", "-wal", "-shm")  # what SQLite may keep beside a database

_held: dict[str, int] = {}  # by path: the descriptors that hold this process's claims


def claim(
    folder: str,
    path: str,
    *,
    session: str,
    key: str,
    stand_in: Callable[[], bytes],
    check: Callable[[str], object],
) -> str | None:
    """Set aside what lies at ``path``, and put a stand-in there. Returns where the real file is now, if there was one.

    ``folder``: where the claims of this home lie. ``session``: the name of the session that is lent; ``key``: the
    loan's key, in hex, which is in the stand-in. ``check`` is called with the path if something of the program's lies
    there, and raises what keeps it from being set aside. Raises Refused if it is used by another session's loan,
    OSError if it cannot be moved.
    """
    with turn(folder):
        record = _record(folder, path)
        if record is not None and path not in _held and not _is_held(folder, path):
            _undo(folder, path, record)
            record = _record(folder, path)
        if record is not None and record["session"] != session:
            raise Refused(
                f"{path} is in use by a program that runs on a loan of {record['session']!r}.",
                f"Wait for it to end, or start the program for {session!r} in another folder.",
            )
        new: dict[str, Any] = record or {"path": path, "session": session, "keys": [], "aside": None}
        if key not in new["keys"]:
            new["keys"].append(key)
        there = os.path.lexists(path)
        aside = path + ASIDE
        if there and not is_stand_in(path, new["keys"]):
            check(path)
            if new["aside"] or os.path.lexists(aside):
                raise Refused(
                    f"{path} cannot be set aside: {aside} is already there.",
                    "One of them is of no use: look which, and move it away.",
                )
            new["aside"] = aside
        _write(folder, path, new)
        _hold(folder, path)
        if new["aside"] and there and not os.path.lexists(aside):
            os.rename(path, aside)
            there = False
        if not there:
            _put(path, stand_in())
        kept: str | None = new["aside"]
        return kept


def release(folder: str, path: str) -> None:
    """Let a claim of this process go. If nobody else has it, the file is as it was."""
    with turn(folder):
        descriptor = _held.pop(path, None)
        if descriptor is not None:
            os.close(descriptor)
        record = _record(folder, path)
        if record is not None and not _is_held(folder, path):
            _undo(folder, path, record)


def sweep(folder: str) -> list[str]:
    """Undo every claim that nobody holds. Returns, in words, what could not be undone."""
    told: list[str] = []
    if not os.path.isdir(folder):
        return told
    with turn(folder):
        for name in sorted(os.listdir(folder)):
            if not name.endswith(".json"):
                continue
            try:
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    record = json.load(file)
                path = record["path"]
            except (OSError, ValueError, KeyError, TypeError):
                told.append(f"{os.path.join(folder, name)} cannot be read; it says which session file was set aside.")
                continue
            if not _is_held(folder, path):
                told += _undo(folder, path, record)
    return told


def is_stand_in(path: str, keys: list[str]) -> bool:
    """Whether the file at ``path`` is one that we put there: it holds the key of one of these loans, or nothing."""
    try:
        if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > _LARGEST_STAND_IN:
            return False
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return False
    return not content or any(bytes.fromhex(key) in content for key in keys)


def user_of(path: str) -> int | None:
    """The pid of another process of this user that has the file open; None if there is none, or the kernel tells none.

    SQLite loses what it has written if a database in use is moved away from its journal.
    """
    try:
        wanted = os.stat(path)
        pids = [int(name) for name in os.listdir("/proc") if name.isdecimal() and int(name) != os.getpid()]
    except OSError:
        return None
    for pid in pids:
        try:
            with os.scandir(f"/proc/{pid}/fd") as entries:
                for entry in entries:
                    found = entry.stat()
                    if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                        return pid
        except OSError:  # another user's, or gone
            continue
    return None


def is_locked(path: str) -> bool:
    """Whether somebody has the lock on the file at ``path``."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


# ---- inside; each needs the turn


def _undo(folder: str, path: str, record: dict[str, Any]) -> list[str]:
    aside, told = record["aside"], []
    if os.path.lexists(path) and is_stand_in(path, record["keys"]):
        # SQLite would take what is left beside it for a part of the real one
        for each in [path, *(path + suffix for suffix in _BESIDES)]:
            if os.path.lexists(each):
                os.unlink(each)
    if aside and os.path.lexists(aside):
        if os.path.lexists(path):
            told = [f"{path} was replaced by the program; what was there before is {aside}."]
        else:
            os.rename(aside, path)
    for kind in ("json", "lock"):
        if os.path.lexists(_place(folder, path, kind)):
            os.unlink(_place(folder, path, kind))
    return told


def _put(path: str, content: bytes) -> None:
    """A program that may not write there does without a file: its session is in memory anyway."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except PermissionError:
        return
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)


def _record(folder: str, path: str) -> dict[str, Any] | None:
    try:
        with open(_place(folder, path, "json"), encoding="utf-8") as file:
            found: dict[str, Any] = json.load(file)
            return found
    except FileNotFoundError:
        return None


def _write(folder: str, path: str, record: dict[str, Any]) -> None:
    place = _place(folder, path, "json")
    descriptor = os.open(f"{place}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, json.dumps(record).encode())
        if record["aside"]:  # a stand-in that is forgotten harms nobody; a real file must be found again
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(f"{place}.new", place)
    if record["aside"]:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _hold(folder: str, path: str) -> None:
    if path not in _held:
        descriptor = os.open(_place(folder, path, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        _held[path] = descriptor


def _is_held(folder: str, path: str) -> bool:
    return is_locked(_place(folder, path, "lock"))


def _place(folder: str, path: str, kind: str) -> str:
    from hashlib import sha256  # here: `telekeep run` looks after claims, of which there are none most of the time

    return os.path.join(folder, f"{sha256(os.fsencode(path)).hexdigest()[:32]}.{kind}")


@contextmanager
def turn(folder: str) -> Iterator[None]:
    """One process of the home at a time. What is done in it takes milliseconds."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    descriptor = os.open(os.path.join(folder, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
