"""The process between the daemon and a job's program: ``python child.py PIPE LOCK GRACE COMMAND…``.

It leads a group of its own, holds the job's lock, so that the next daemon does not start the job beside it, and keeps
the read end of a pipe of the daemon's (descriptor PIPE): when that ends, the daemon is gone, and the program is told to
end, too. Standard library only; nothing of telekeep is imported, so that it is small and quick.
"""

from __future__ import annotations

import fcntl
import os
import selectors
import signal
import subprocess
import sys
import time

BUSY = 75  # EX_TEMPFAIL of sysexits.h: the last run of the job has not ended
ABSENT = 127  # as a shell says that there is no such program
_STEP = 0.1
_PATIENCE = 10  # steps, for what the program has started


def main(pipe: int, lock: str, grace: float, words: list[str]) -> int:
    """Run ``words``; its exit code, or 128 and the signal that ended it, as a shell says it."""
    os.set_inheritable(pipe, False)
    held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if not _taken(held, grace + 5.0):
        return BUSY
    wake, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    told = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: told.append(True))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        program = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.stderr.write(f"{words[0]} cannot be run: {error.strerror}\n")
        return ABSENT
    with selectors.DefaultSelector() as waiting:
        waiting.register(wake, selectors.EVENT_READ)
        waiting.register(pipe, selectors.EVENT_READ)
        while program.poll() is None and not told:
            for key, _ in waiting.select():
                if key.fileobj == wake:
                    os.read(wake, 512)
                elif not os.read(pipe, 512):
                    told.append(True)  # the daemon is gone
    code = _ended(program, grace) if program.poll() is None else program.returncode
    return code if code >= 0 else 128 - code


def _ended(program: subprocess.Popen[bytes], grace: float) -> int:
    """Told to end, then made to: it and whatever it has started in its group."""
    program.terminate()
    try:
        return program.wait(grace)
    except subprocess.TimeoutExpired:
        program.kill()
        return program.wait()
    finally:
        _kill_the_rest()


def _kill_the_rest() -> None:
    """Whatever else is in this group, which this process leads and outlives: told to end, then made to.

    Who does not listen takes this process along: nothing but its exit code is lost.
    """
    if os.getpgrp() != os.getpid():
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    for _ in range(_PATIENCE):
        if not _others():
            return
        time.sleep(_STEP)
    os.killpg(0, signal.SIGKILL)


def _others() -> bool:
    """Whether anybody else is in this group, as far as proc(5) tells."""
    try:
        found = [each.name for each in os.scandir("/proc") if each.name.isdecimal()]
    except OSError:
        return True
    return any(_group(pid) == os.getpid() for pid in found if pid != str(os.getpid()))


def _group(pid: str) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  # nothing more is loaded
            state, _, group = file.read().rpartition(b")")[2].split()[:3]
    except (OSError, ValueError):
        return None
    return int(group) if state not in (b"Z", b"X") else None


def _taken(lock: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= end:
                return False
            time.sleep(_STEP)
        else:
            return True


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4:]))
