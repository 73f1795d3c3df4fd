"""The connection that Telethon sends everything through: calls, pings, acks, downloads, every data center.

It asks the `Line` before it connects and before each packet, and takes its time to connect if it did not last before.
No forked child has a part in it. Given to Telethon by its public ``connection=`` argument.
"""

from __future__ import annotations

import asyncio
from typing import Any

from telekeep.upstream import pacing
from telekeep.upstream.line import Line
from telekeep.upstream.straight import ConnectionStraight
from telekeep.upstream.unshared import Unshared


class Guarded(Unshared):
    """What makes a Telethon connection, of whichever class comes after this one, ask the line before it connects.

    It belongs for ever to the line that is in force when it is made. ``loggers``: those of its client, the one thing
    that Telethon gives to each connection of a client: they know the line (`telekeep.upstream.loggers`).
    """

    def __init__(self, *args: Any, loggers: Any, **options: Any) -> None:
        super().__init__(*args, loggers=loggers, **options)
        self._line = self._line_in_force(loggers)
        self._line.register(self)
        self._since: float | None = None  # when it was last made: Telethon makes the same one anew
        self._short = 0

    async def connect(self, timeout: float | None = None, ssl: Any = None) -> None:
        self._line.check()
        with self._line.call():  # an attempt under way must not outlive the lease
            await asyncio.sleep(self._pause())
            self._line.check()
            await super().connect(timeout=timeout, ssl=ssl)
            self._since = asyncio.get_running_loop().time()

    def _pause(self) -> float:
        if self._since is not None:
            lasted = asyncio.get_running_loop().time() - self._since
            self._short = self._short + 1 if pacing.is_short(lasted) else 0
            self._since = None  # attempts that fail are not counted: Telethon pauses after those itself
        return pacing.pause(self._short)

    def _line_in_force(self, loggers: Any) -> Line:
        line: Line = loggers.line()
        return line


class ConnectionGuarded(Guarded, ConnectionStraight):
    """See the module."""

    def post(self, data: bytes) -> None:
        self._line.check()
        super().post(data)
