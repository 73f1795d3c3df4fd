"""What long days on a stage need: a clock that every process reads, and programs that say how they fare."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from queue import Empty, Queue
from subprocess import Popen

from telekeep.cli.demo.stage import Stage


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
        self.lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def says(self, word: str, *, unlike: str = "\0", past: int = 2) -> str:
        """The next line, of those from now on, that begins with ``word``. None may begin with ``unlike``.

        ``past``: how many may have been on their way already, and do not count.
        """
        while True:
            try:
                self.lines.get_nowait()
            except Empty:
                break
        end, seen = time.monotonic() + 60, 0
        while time.monotonic() < end:
            try:
                line = self.lines.get(timeout=1)
            except Empty:
                assert self.process.poll() is None, self.process.communicate()[1]
                continue
            seen += 1
            assert not line.startswith(unlike), line
            if seen > past and line.startswith(word):
                return line
        raise AssertionError(f"it never said {word!r}")
