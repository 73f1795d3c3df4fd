"""A job runs once at a time, whoever says that the table has changed, and however often."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from telekeep.clock import SystemClock
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
