"""A world of its own for each test, and daemons in it: in this process, or as real ones."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from telekeep import paths
from telekeep.borrow.asking import ask, hail
from telekeep.clock import SystemClock
from telekeep.errors import TelekeepError
from telekeep.work import alone
from telekeep.work.daemon import Daemon
from telekeep.work.keeping import DaemonKeeper
from work.fake import FakeOwners

STAND_IN = Path(__file__).parent / "stand_in"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[paths.Home]:
    """A home that this process and its children take for theirs. No daemon of it outlives the test."""
    for name in [name for name in os.environ if name.startswith(("TELEGRAM_", "TELEKEEP_", "NOTIFY_", "WATCHDOG_"))]:
        monkeypatch.delenv(name)
    for name, value in {
        "TELEKEEP_HOME": str(tmp_path / "home"),
        "TELEKEEP_KEY_FILE": str(tmp_path / "keys" / "key"),
        "TELEKEEP_STATE": str(tmp_path / "state"),
        "TELEKEEP_LEASES": str(tmp_path / "leases"),
        "PYTHONPATH": str(STAND_IN),
    }.items():
        monkeypatch.setenv(name, value)
    leases = tmp_path / "leases"
    leases.mkdir()
    leases.chmod(0o1777)
    monkeypatch.chdir(tmp_path)
    where = paths.home()
    yield where
    deadline = time.monotonic() + 30
    with suppress(TelekeepError):
        while not alone.is_free(where):
            assert time.monotonic() < deadline, "a daemon of this home outlives the test"
            with suppress(FileNotFoundError, ProcessLookupError):  # one that begins, or is gone by now
                pid = pid_of(where)
                assert pid != os.getpid(), "the daemon in this process has not ended"
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)


def pid_of(where: paths.Home) -> int:
    """The daemon that serves ``where``, as its file says."""
    return int(tomllib.loads((where.run / "daemon.toml").read_text())["pid"])


def log_of(where: paths.Home) -> str:
    return (where.log / "daemon.log").read_text()


async def asked(where: paths.Home, verb: str, **fields: Any) -> Any:
    return await asyncio.to_thread(ask, where, verb, **fields)


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that happens in another process, where there is nothing to wait on."""
    async with asyncio.timeout(30):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


class Time(SystemClock):
    """The machine's clock, moved forward by hand."""

    ahead = 0.0

    def boot(self) -> float:
        return super().boot() + self.ahead


class Run:
    """A daemon in this process, and its end."""

    def __init__(self, daemon: Daemon, keeper: DaemonKeeper, owners: FakeOwners) -> None:
        self.daemon = daemon
        self.keeper = keeper
        self.owners = owners
        self.where = keeper.home
        self.task: asyncio.Task[None]

    async def ask(self, verb: str, **fields: Any) -> Any:
        return await asked(self.where, verb, **fields)

    async def looks(self) -> None:
        """Wait until it has seen, twice, whether anybody needs it."""
        looked = asyncio.Semaphore(0)
        is_idle = self.daemon._is_idle

        def noted(seconds: float) -> bool:
            looked.release()
            return is_idle(seconds)

        self.daemon._is_idle = noted  # type: ignore[method-assign]
        async with asyncio.timeout(30):
            await looked.acquire()
            await looked.acquire()
        self.daemon._is_idle = is_idle  # type: ignore[method-assign]


Running = Callable[..., AbstractAsyncContextManager[Run]]


@pytest.fixture
def running(home: paths.Home) -> Running:
    """`async with running(...) as run`: a daemon in this process, which serves inside the block."""

    @asynccontextmanager
    async def run(*, clock: Any = None, **options: Any) -> AsyncIterator[Run]:
        keeper = DaemonKeeper.open(clock=clock)
        owners = FakeOwners(keeper)
        one = Run(Daemon(keeper, owners, **options), keeper, owners)
        ready = asyncio.Event()
        one.task = asyncio.create_task(one.daemon.run(ready=ready.set))
        try:
            waiting = asyncio.create_task(ready.wait())
            await asyncio.wait([waiting, one.task], return_when=asyncio.FIRST_COMPLETED, timeout=60)
            waiting.cancel()
            if one.task.done():
                one.task.result()
            assert ready.is_set() or one.task.done(), "it has not begun within a minute"
            yield one
        finally:
            one.daemon.stop()
            async with asyncio.timeout(60):
                await one.task

    return run


@pytest.fixture
def command(home: paths.Home) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `telekeep …` as a process; it is killed at the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str, **environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "telekeep", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
async def served(home: paths.Home, command: Callable[..., Any]) -> subprocess.Popen[str]:
    """A daemon in the foreground of another process, which serves."""
    process: subprocess.Popen[str] = command("daemon", "start", "--foreground")
    await until(lambda: hail(home) is not None or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process
