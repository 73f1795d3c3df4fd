"""Processes for tests: one that holds a lease, and a forked child that is asked one thing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

KEY = 0x0123456789ABCDEF

HOLD = """
import sys
from pathlib import Path
from telekeep.clock import SystemClock
from telekeep.lease.local import LocalLeases
lease = LocalLeases(Path(sys.argv[1]), clock=SystemClock()).try_acquire(int(sys.argv[2]), purpose="holding")
print(lease.fence, flush=True)
for line in sys.stdin:
    try:
        lease.check()
        print("ours", flush=True)
    except Exception as error:
        print(type(error).__name__, flush=True)
"""


class Program:
    """A process that holds a lease until it is killed."""

    def __init__(self, script: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self.process.pid

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def ask(self, line: str = "check") -> str:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.line()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def in_a_child(what: Callable[[], str]) -> str:
    """What ``what`` returns in a forked child of this process."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, what().encode())
        except BaseException as error:
            os.write(write, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said
