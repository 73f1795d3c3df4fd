"""The processes of this machine, and who has a file open, as the kernel tells (proc(5)).

What cannot be looked at is not taken for absent: without /proc nothing can be said, and it is said so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from telekeep.errors import SessionConflict
from telekeep.lease.redaction import command_line

TITLE = "[celeryd: "  # of a worker, where setproctitle is installed
_MOST_BYTES = 64 * 1024  # of a command line


class Process(NamedTuple):
    """A process of this machine. ``arguments`` are empty for a thread of the kernel and for one that just ended."""

    pid: int
    parent: int
    uid: int
    arguments: tuple[str, ...]

    @property
    def shown(self) -> str:
        """Its command line, without secrets."""
        return command_line(self.arguments)


def everybody(proc: Path = Path("/proc")) -> dict[int, Process]:
    """All processes, by pid. Raises SessionConflict where the kernel does not tell."""
    try:
        with os.scandir(proc) as entries:
            pids = [int(each.name) for each in entries if each.name.isdecimal()]
    except OSError:
        pids = []
    found = {pid: each for pid in pids if (each := _process(proc, pid)) is not None}
    if os.getpid() not in found:
        raise SessionConflict(
            "The processes of this machine cannot be looked at, so nobody knows whether one uses this session.",
            remedy="Guard the session with SafeSessionContext alone: it needs the lease and nothing else.",
        )
    return found


def _process(proc: Path, pid: int) -> Process | None:
    folder = proc / str(pid)
    try:
        stat = (folder / "stat").read_bytes()
        parent = int(stat.rpartition(b")")[2].split()[1])
        with (folder / "cmdline").open("rb") as file:
            raw = file.read(_MOST_BYTES).rstrip(b"\0 ")
        return Process(pid, parent, folder.stat().st_uid, tuple(map(os.fsdecode, raw.split(b"\0"))) if raw else ())
    except (OSError, ValueError, IndexError):  # it is gone
        return None


# ---- who has a file open


def openers(path: Path, known: Mapping[int, Process]) -> list[Process]:
    """Those of ``known`` that have the file open. Other users' are not seen."""
    try:
        found = path.stat()
    except OSError:
        return []
    wanted = (found.st_dev, found.st_ino)
    return [each for each in known.values() if wanted in files(each.pid)]


def files(pid: int) -> set[tuple[int, int]]:
    """The device and inode of every file that a process has open; none of another user's."""
    found = set()
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            for each in entries:
                try:
                    file = each.stat()
                except OSError:  # closed meanwhile
                    continue
                found.add((file.st_dev, file.st_ino))
    except OSError:  # another user's, or gone
        pass
    return found


def ancestors(pid: int, known: Mapping[int, Process]) -> list[int]:
    """The processes that ``pid`` comes from, the nearest first, without the machine's first one."""
    found: list[int] = []
    while (each := known.get(pid)) is not None and each.parent > 1 and each.parent not in found:
        found.append(pid := each.parent)
    return found


def strangers(found: Sequence[Process], known: Mapping[int, Process]) -> list[Process]:
    """Those of ``found``, who have a file open, that did not get it together with us: they opened it by themselves.

    Who forks with a file open leaves it to the children: a pool is one program, and the lease keeps its members apart.
    So those do not count that were forked, as we were, from a process that has it open (or from us, or we from them). A
    program that was started anew opens its files itself, and counts, whoever started it.
    """
    mine = _forked_from(os.getpid(), known)
    openers = {each.pid for each in found}
    if mine[0] not in openers:
        return list(found)
    shared = openers.intersection(mine)
    return [each for each in found if not shared.intersection(_forked_from(each.pid, known))]


def _forked_from(pid: int, known: Mapping[int, Process]) -> list[int]:
    """``pid``, and the processes that it was forked from: those that still look as it does."""
    found = [pid]
    for each in ancestors(pid, known):
        if not _look_alike(known.get(each), known.get(pid)):
            break
        found.append(each)
    return found


def _look_alike(one: Process | None, other: Process | None) -> bool:
    if one is None or other is None or not one.arguments or not other.arguments:
        return False
    titles = all(each.arguments[0].startswith(TITLE) for each in (one, other))
    return titles or one.arguments == other.arguments
