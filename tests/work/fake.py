"""Owners of sessions that are none: what a daemon does besides can be tested without Telegram."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from telekeep.errors import FloodWait, SessionBusy
from telekeep.lease.holder import Holder
from telekeep.work.keeping import DaemonKeeper


class FakeOwners:
    """Verbs that wait, fail and read the vault; ``told`` is what the daemon asked of it, in order.

    A real one lets go of its calls by itself; this one's calls are the verbs, which the daemon waits for.
    """

    def __init__(self, keeper: DaemonKeeper) -> None:
        self.keeper = keeper
        self.told: list[str] = []
        self.idle = True
        self.let_go: asyncio.Event | None = None

    def verbs(self) -> dict[str, Callable[..., Any]]:
        return {
            "nap": self.nap,
            "who": self.who,
            "session": self.session,
            "flood": self.flood,
            "busy": self.busy,
            "stumble": self.stumble,
            "told": lambda: self.told,
            "use": self.use,
            "huge": lambda: "x" * 2_000_000,
        }

    async def nap(self, seconds: float, mark: str | None = None, until: str | None = None) -> str:
        """Take a while, or until the file ``until`` is there. ``mark``: one that says that this has begun."""
        if mark:
            Path(mark).write_text("begun")
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while until is None or not Path(until).exists():  # noqa: ASYNC110  another process makes it
                    await asyncio.sleep(0.01 if until else seconds)
        return "rested"

    def who(self, peer_pid: int) -> int:
        return peer_pid

    def session(self, name: str) -> int:
        return self.keeper.vault.load(name).dc.id

    def flood(self) -> None:
        raise FloodWait(seconds=30, until=5.5, method="messages.sendMessage")

    def busy(self) -> None:
        holder = Holder(77, 1.0, "boot", "ns", "host", "ada", "python bot.py", 5.0, 3, "test")
        raise SessionBusy("It is held.", holder=holder, since=5.0)

    def stumble(self, secret: str) -> None:
        raise KeyError(secret)

    def use(self, idle: bool) -> None:
        self.idle = idle

    def turn(self, name: str) -> asyncio.Lock:
        return asyncio.Lock()

    async def devices(self, name: str, all: bool = True) -> dict[str, Any] | None:
        return None

    def status(self) -> list[dict[str, Any]]:
        return [{"name": "main", "state": "connected", "loans": [{"borrowers": [1, 2]}]}]

    def is_idle(self) -> bool:
        return self.idle

    async def resume(self) -> None:
        self.told.append("resume")

    async def lock(self) -> None:
        self.told.append("lock")

    async def close(self, grace: float) -> None:
        self.told.append(f"close {grace:g}")
        if self.let_go is not None:
            await self.let_go.wait()
