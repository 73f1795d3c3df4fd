"""The holder's face: which process has a lease, for people to read.

Display only. Whether a lease is held is the kernel's to say; a holder is believed dead only on proof, and a process of
another host, boot or pid namespace is "unknown", never "gone".
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from telekeep.clock import Clock


DAEMON = "daemon"
"""The purpose of a lease that a daemon holds, to lend the session."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds, or held, a lease.

    ``pid`` is 0 where nothing more is known than that someone holds it. ``created`` is when the process started, in
    seconds (since the boot where /proc says so, else since 1970): with ``boot_id`` and ``pid_namespace`` it tells a
    process from a later one with the same pid. ``command`` is its command line without secrets, ``since`` wall-clock
    seconds, ``fence`` its fencing token, ``purpose`` what it said it wants the lease for.
    """

    pid: int
    created: float
    boot_id: str
    pid_namespace: str
    host: str
    user: str
    command: str
    since: float
    fence: int
    purpose: str | None = None

    @property
    def is_known(self) -> bool:
        return self.pid > 0

    @property
    def is_this_process(self) -> bool:
        """Whether this is ourselves; a process of the same pid elsewhere is not."""
        mine = _this_process()
        return (self.pid, self.created, self.pid_namespace, self.host) == (
            mine.pid, mine.created, mine.pid_namespace, mine.host
        )  # fmt: skip

    @property
    def is_elsewhere(self) -> bool:
        """Whether it runs where its pid means nothing to us: another host or container."""
        mine = _this_process()
        return (self.pid_namespace, self.host) != (mine.pid_namespace, mine.host)


UNKNOWN = Holder(0, 0.0, "", "", "", "", "", 0.0, 0)
"""Held, and nothing more is known."""

Fate = Literal["running", "gone", "unknown"]


def this_process(*, clock: Clock, fence: int, purpose: str | None = None) -> Holder:
    """Ourselves, as the holder of a lease from now on."""
    from telekeep.lease.redaction import plain  # here, and below: `telekeep status` shows faces and makes none

    mine = _this_process()
    return Holder(
        mine.pid, mine.created, clock.boot_id(), mine.pid_namespace, mine.host, mine.user, mine.command,
        clock.wall(), fence, plain(purpose, 80) if purpose else None,
    )  # fmt: skip


def fate(holder: Holder, *, clock: Clock) -> Fate:
    """Whether the process behind a face still runs: "gone" only on proof.

    Its pid is free, or now belongs to a process that started at another time. What lies beyond this host, boot or pid
    namespace, or is hidden from this user, is "unknown".
    """
    mine = _this_process()
    if not holder.is_known or (holder.host, holder.boot_id, holder.pid_namespace) != (
        mine.host, clock.boot_id(), mine.pid_namespace
    ):  # fmt: skip
        return "unknown"
    try:
        os.kill(holder.pid, 0)  # asks whether it exists; sends nothing
    except ProcessLookupError:
        return "gone"
    except OSError:
        pass  # it exists and is somebody else's
    created = _created(holder.pid)
    if created is None:
        return "unknown"
    return "running" if abs(created - holder.created) < _TICK else "gone"


_TICK = 0.05  # seconds; the kernel counts starts in hundredths
_cached: Holder | None = None


def _this_process() -> Holder:
    """What does not change while this process lives. A forked child finds its parent's face and makes its own."""
    global _cached
    pid = os.getpid()
    face = _cached
    if face is None or face.pid != pid:
        face = Holder(pid, _created(pid) or 0.0, "", _pid_namespace(), os.uname().nodename, _user(), _command(), 0.0, 0)
        _cached = face
    return face


def _created(pid: int) -> float | None:
    try:
        # proc(5): field 22, in ticks since the boot; the second field is a name in parentheses and may hold anything.
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        return int(stat.rpartition(b")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    except (OSError, ValueError, IndexError):
        return None
    import psutil  # other Unixes only: it takes 13-20 ms to import

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _command() -> str:
    from telekeep.lease.redaction import command_line

    try:
        raw = Path("/proc/self/cmdline").read_bytes().rstrip(b"\0")
        arguments = [os.fsdecode(part) for part in raw.split(b"\0")]
    except OSError:
        import sys

        arguments = sys.orig_argv
    return command_line(arguments)
