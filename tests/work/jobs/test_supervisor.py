"""A job runs once at a time, whoever says that the table has changed, and however often."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from telekeep.clock import SystemClock
from telekeep.errors import StorageUnavailable
from telekeep.events import Events
from telekeep.paths import Home
from telekeep.work.jobs import supervisor, table


class Slow:
    """A run that takes its time to end."""

    alive: list[Slow]
    most = 0

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self.pid = id(self)

    @classmethod
    async def start(cls, *_: Any, **__: Any) -> Slow:
        made = cls()
        cls.alive.append(made)
        cls.most = max(cls.most, len(cls.alive))
        return made

    async def ended(self) -> int:
        await self._over.wait()
        return 0

    async def stop(self, grace: float) -> None:
        await asyncio.sleep(0.05)
        if self in self.alive:
            self.alive.remove(self)
        self._over.set()


async def until(done: Any) -> None:
    async with asyncio.timeout(30):
        while not done():  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)


async def test_a_job_whose_directory_is_gone_is_said_once_and_runs_when_it_is_there_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []

    class Quick(SystemClock):
        async def sleep(self, seconds: float) -> None:
            pauses.append(seconds)
            await asyncio.sleep(0.01)

    caplog.set_level("INFO")
    (tmp_path / "home").mkdir(mode=0o700)
    home = Home(tmp_path / "home", tmp_path / "key", tmp_path / "state")
    keeper: Any = SimpleNamespace(home=home, clock=Quick(), events=Events(), is_locked=False)
    jobs = supervisor.Jobs(keeper, "emulator")
    gone = tmp_path / "gone"
    table.path(home).write_text(f'[a]\ncommand = ["backup"]\ndirectory = "{gone}"\n')

    def said() -> list[str]:
        return [each for each in caplog.messages if "cannot be started" in each]

    await jobs.reread()
    await until(lambda: jobs._refused.get("a", (0, ""))[0] >= 4)
    (first,) = said()
    assert str(gone) in first and "jobs.toml" in first
    (shown,) = jobs.status()
    assert (shown["state"], shown["started_at"], shown["failures"]) == ("cannot be started", None, 0)
    assert max(pauses) > supervisor.LOOK, "less and less often"

    monkeypatch.setattr(supervisor.Run, "start", refusing("no process can be made"))
    await until(lambda: len(said()) == 2)
    monkeypatch.undo()
    await until(lambda: len(said()) == 3)  # the directory again

    gone.mkdir()
    await until(lambda: any("runs (pid" in each for each in caplog.messages))
    await until(lambda: "a" not in jobs._refused)
    await jobs._end(["a"])


def refusing(why: str) -> Any:
    async def start(*_: Any, **__: Any) -> Any:
        raise StorageUnavailable(f"The job 'a' cannot be started: {why}.")

    return start


async def test_a_table_that_is_read_twice_at_once_starts_no_job_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon sees the change by itself while the command that made it still waits for the old run to end."""
    monkeypatch.setattr(supervisor, "Run", Slow)
    monkeypatch.setattr(Slow, "alive", [], raising=False)
    (tmp_path / "home").mkdir(mode=0o700)
    home = Home(tmp_path / "home", tmp_path / "key", tmp_path / "state")
    keeper: Any = SimpleNamespace(home=home, clock=SystemClock(), events=Events(), is_locked=False)
    jobs = supervisor.Jobs(keeper, "emulator")

    table.path(home).write_text('[a]\ncommand = ["backup"]\n')
    await jobs.reread()
    await until(lambda: Slow.alive)
    table.path(home).write_text('[a]\ncommand = ["backup", "--quiet"]\n')
    await asyncio.gather(*(jobs.reread() for _ in range(3)))
    await until(lambda: jobs.status()[0]["pid"])

    assert Slow.most == 1
    (shown,) = jobs.status()
    assert (shown["command"], shown["pid"]) == (["backup", "--quiet"], Slow.alive[0].pid)
    await jobs.stop("a")
    assert not Slow.alive, "what is shown is what is stopped"
    await jobs._end(["a"])
