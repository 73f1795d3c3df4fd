"""What long days on a stage need: a clock that every process reads, and programs that say how they fare."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path
from queue import Empty, Queue
from select import select
from subprocess import Popen

from telekeep.cli.demo.stage import Stage

HOUR = 3600.0


def is_left(seconds: float, at_most: float, began: float, *, rounded: float = 2.0) -> bool:
    """Whether so much is left of a wait: ``at_most``, less what has gone by since ``began`` (monotonic seconds)."""
    return at_most - (time.monotonic() - began) - rounded <= seconds <= at_most + rounded


def said_hours(line: str, at_most: float, began: float) -> bool:
    """Whether ``line`` says so, in tenths of an hour."""
    found = re.search(r" ([0-9.]+) hours remaining(, until |$)", line)
    assert found is not None, line
    return is_left(float(found[1]) * HOUR, at_most, began, rounded=0.06 * HOUR)


class Clock:
    """The machine's clocks, as all processes of a stage read them. They go on; the test makes them jump."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wall, self._boot, self._boot_id = time.time(), 1000.0, "boot-1"
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._write()
        self._ticking = threading.Thread(target=self._tick, daemon=True)
        self._ticking.start()

    def _write(self) -> None:
        draft = self.path.with_suffix(".draft")
        draft.write_text(f"{self._wall} {self._boot} {self._boot_id}")
        draft.replace(self.path)

    def _tick(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(0.02):
            now = time.monotonic()
            self.jump(wall=now - last, boot=now - last)
            last = now

    def jump(self, *, wall: float = 0.0, boot: float = 0.0) -> None:
        with self._lock:
            self._wall += wall
            self._boot += boot
            self._write()

    def pass_by(self, seconds: float) -> None:
        self.jump(wall=seconds, boot=seconds)

    def reboot(self, down: float) -> None:
        with self._lock:
            self._wall += down
            self._boot, self._boot_id = 5.0, f"{self._boot_id}+"
            self._write()

    def end(self) -> None:
        self._ended.set()
        self._ticking.join()


class Worker:
    """A program that prints a line for everything it tries."""

    def __init__(self, stage: Stage, program: str | Path, *words: str) -> None:
        self.process: Popen[str] = stage.start(str(stage.folder / program), *words)
        assert self.process.stdout is not None
        self._pipe = os.dup(self.process.stdout.fileno())  # ours: whoever kills the program closes the other
        self._lines: Queue[str] = Queue()
        self._rest = b""
        self._reading = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        """So that the pipe is never full, and the program never waits for us."""
        while select([self._pipe], [], []) and self._take():
            pass
        with self._reading:
            os.close(self._pipe)
            self._pipe = -1

    def _take(self) -> bool:
        """Take what lies in the pipe. Whether more may come."""
        with self._reading:
            while self._pipe >= 0 and select([self._pipe], [], [], 0)[0]:
                data = os.read(self._pipe, 65536)
                if not data:
                    return False
                *whole, self._rest = (self._rest + data).split(b"\n")
                for line in whole:
                    self._lines.put(line.decode().strip())
        return True

    def says(self, word: str, *, unlike: str = "\0", past: int = 2) -> str:
        """The next line, of those it prints from now on, that begins with ``word``. None may begin with ``unlike``.

        ``past``: how many it may have been about to print already, and do not count.
        """
        self._take()
        while not self._lines.empty():
            self._lines.get_nowait()
        end, seen = time.monotonic() + 90, 0
        while time.monotonic() < end:
            try:
                line = self._lines.get(timeout=1)
            except Empty:
                assert self.process.poll() is None, self.process.communicate()[1]
                continue
            seen += 1
            assert not line.startswith(unlike), line
            if seen > past and line.startswith(word):
                return line
        raise AssertionError(f"it never said {word!r}")
