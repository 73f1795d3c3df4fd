"""Clients on loans that tasks of one process take turns with: one task at a time each, closed after some idle seconds.

A loan is no lease: nobody is kept out while a client waits here for the next task.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from telekeep.borrow.borrow import client
from telekeep.borrow.random_ids import RandomIds

IDLE = 10.0  # seconds


class Wanted(NamedTuple):
    """Which loan a task is on, and what others see it under."""

    session: str
    grant: str
    label: str
    home: Path | None
    network: str | None


class Pool:
    """The clients of one event loop. Use it on that loop only."""

    def __init__(self, *, idle: float = IDLE) -> None:
        self._idle = idle
        self._free: dict[Wanted, list[Any]] = {}
        self._closing: dict[int, asyncio.TimerHandle] = {}
        self._ends: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def client(self, wanted: Wanted, numbers: RandomIds | None) -> AsyncIterator[Any]:
        """A connected client for the length of a task. One whose task has failed, or was cut off, is not used again."""
        found = self._taken(wanted) or client(
            wanted.session, grant=wanted.grant, label=wanted.label, home=wanted.home, network=wanted.network,
            receive_updates=False,
        )  # fmt: skip
        found.random_ids = numbers
        try:
            await found.connect()  # nothing, if it is connected
            yield found
        except BaseException:
            await found.disconnect()
            raise
        for handler, _ in found.list_event_handlers():
            found.remove_event_handler(handler)
        self._give_back(wanted, found)

    async def close(self) -> None:
        """Disconnect those that wait."""
        for wanted in list(self._free):
            while (found := self._taken(wanted)) is not None:
                await found.disconnect()

    def _taken(self, wanted: Wanted) -> Any:
        while waiting := self._free.get(wanted):
            found = waiting.pop()
            self._closing.pop(id(found)).cancel()
            if found.is_connected():
                return found
            self._end(found)
        return None

    def _give_back(self, wanted: Wanted, found: Any) -> None:
        self._free.setdefault(wanted, []).append(found)
        later = asyncio.get_running_loop().call_later(self._idle, self._expired, wanted, found)
        self._closing[id(found)] = later

    def _expired(self, wanted: Wanted, found: Any) -> None:
        self._free[wanted].remove(found)
        del self._closing[id(found)]
        self._end(found)

    def _end(self, found: Any) -> None:
        task = asyncio.ensure_future(found.disconnect())
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)
