"""A stage with a daemon on it: loans, programs that use them, and the daemon's death by kill -9."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from telekeep import control
from telekeep.borrow import asking
from telekeep.cli.demo.stage import Said, Stage
from telekeep.paths import Home
from telekeep.session.network import load
from telekeep.work import alone

PROGRAMS = Path(__file__).parent


class Lending:
    """What a stage offers to those who lend and borrow. No daemon outlives it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.folder = stage.folder
        network = load(str(stage.network))
        assert network.control is not None
        self._telegram = network.control
        self._homes = {"home"}

    # ---- programs

    def start(
        self,
        *words: str | Path,
        home: str = "home",
        environ: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[str]:
        """Start ``python WORDS…`` and go on; the program is the first of them, one of ours if it has no folder."""
        program, *rest = words
        path = PROGRAMS / program if isinstance(program, str) and (PROGRAMS / program).exists() else program
        process = subprocess.Popen(
            [sys.executable, *map(str, (path, *rest))],
            env=self.stage.environment(home) | dict(environ or {}),
            cwd=self.folder,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.stage.running.append(process)
        self._homes.add(home)
        return process

    def run(self, *words: str | Path, home: str = "home", environ: Mapping[str, str] | None = None) -> Said:
        return self.stage.finish(self.start(*words, home=home, environ=environ))

    def telekeep(self, *words: str, home: str = "home") -> Said:
        self._homes.add(home)
        return self.stage.telekeep(*words, home=home)

    def ok(self, *words: str, home: str = "home") -> str:
        """What a command that must succeed says."""
        said = self.telekeep(*words, home=home)
        assert said.code == 0, (words, said)
        return said.out

    # ---- Telegram

    def telegram(self, verb: str, **fields: Any) -> Any:
        """What `telekeep emulator` does, without a process for it."""
        return control.ask(self._telegram, verb, **fields)

    def stats(self) -> dict[str, int]:
        found: dict[str, int] = self.telegram("stats")
        return found

    def check(self) -> dict[str, int]:
        """Telegram never saw one key twice. Returns all it counted."""
        seen = self.stats()
        assert (seen["duplicated"], seen["overlap"]) == (0, 0), seen
        return seen

    # ---- the daemon

    def where(self, home: str = "home") -> Home:
        root = self.folder / home
        return Home(root, self.folder / f"{home}.key" / "key", self.folder / f"{home}.state")

    def daemon(self, home: str = "home") -> int | None:
        """The pid of the daemon that runs, as its file says and its lock proves."""
        where = self.where(home)
        if alone.is_free(where):
            return None
        with suppress(OSError, ValueError, KeyError):
            return int(tomllib.loads((where.run / "daemon.toml").read_text())["pid"])
        return None

    def kill_daemon(self, home: str = "home") -> int:
        """kill -9, and wait until the kernel has given its lock back. Never in the moment in which it begins: then
        whoever has started it is told so, in order, and it is no death of a daemon that served.
        """
        pid = until(lambda: self._serving(home))
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.daemon(home) != pid)
        return int(pid)

    def _serving(self, home: str) -> int | None:
        """Its pid once it answers, and is the one that its file names: one that was killed has left its own."""
        pid = self.daemon(home)
        said = asking.hail(self.where(home)) if pid is not None else None
        return pid if said is not None and said["pid"] == pid else None

    def log(self, home: str = "home") -> str:
        return (self.where(home).log / "daemon.log").read_text()

    def lend(self, name: str = "main", *options: str, home: str = "home") -> str:
        """A loan, as a string."""
        return self.ok("lend", name, *options, home=home)

    def loans(self) -> list[dict[str, Any]]:
        """What `telekeep loans list --all --json` shows, without a process for it."""
        found: list[dict[str, Any]] = asking.ask(self.where(), "loans")
        return found

    def owned(self) -> list[str]:
        """The names of the sessions that the daemon has a connection for."""
        sessions = asking.ask(self.where(), "status")["sessions"]
        return [each["name"] for each in sessions if each["state"] == "connected"]

    def heard(self) -> int:
        """The number of the newest event that the daemon has heard of, of the one session it owns."""
        (owner,) = asking.ask(self.where(), "status")["sessions"]
        return int(owner["journal"])

    def is_written(self) -> bool:
        """Whether the daemon has on disk all that it has heard of. What is not there dies with it."""
        with closing(sqlite3.connect(f"file:{self.where().vault / 'lagging.db'}?mode=ro", uri=True)) as file:
            (last,) = file.execute("SELECT max(last) FROM journals").fetchone()
        return (last or 0) >= self.heard()

    def __enter__(self) -> Lending:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _, *programs = self.stage.running  # the emulator, and those that would start a killed daemon again
        for program in programs:
            self.stage.kill(program)
        for home in self._homes:
            for _ in range(20):  # one may just be starting
                pid = self.daemon(home)
                if pid is None:
                    break
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.05)


def until(condition: Callable[[], Any], seconds: float = 90.0) -> Any:
    """Wait for something that happens in another process, where there is nothing to wait on; what it was."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds:g} s"
        time.sleep(0.02)


def line(process: subprocess.Popen[str], seconds: float = 90.0, *, of: str = "stdout") -> str:
    """The next line a program prints; "" if it ends without one. A program that says nothing is killed."""
    stream = getattr(process, of)
    assert stream is not None
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        found: str = stream.readline()
        return found.strip()
    finally:
        timer.cancel()
