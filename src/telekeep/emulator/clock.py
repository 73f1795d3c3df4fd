"""The emulator's clock: a real one that can be moved forward."""

from __future__ import annotations

import asyncio

from telekeep.clock import Clock

_LAST = float(2**31 - 366 * 86_400)


class MovableClock:
    """``base``, plus as many seconds as it was advanced by.

    Only what Telegram remembers hangs on it: the age of a login, the life of a code, flood waits. The times inside
    message ids and salts do not (see `telekeep.mtproto.rules`): a client's own clock did not move, and it would be
    right to drop messages from a server that is hours ahead.
    """

    def __init__(self, base: Clock) -> None:
        self._base = base
        self._ahead = 0.0
        self._moved = asyncio.Event()

    def wall(self) -> float:
        return self._base.wall() + self._ahead

    def boot(self) -> float:
        return self._base.boot() + self._ahead

    def boot_id(self) -> str:
        return self._base.boot_id()

    def advance(self, seconds: float) -> None:
        """Move forward by ``seconds``, and wake whoever sleeps until then. Raises ValueError for a negative number, and
        for what leads beyond the dates that the protocol can tell (32 bits: 2038).
        """
        if not 0 <= seconds <= _LAST - self.wall():
            raise ValueError("a clock is only moved forward, and to 2037 at most")
        self._ahead += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        end = self.boot() + seconds
        while (left := end - self.boot()) > 0:
            try:
                await asyncio.wait_for(self._moved.wait(), left)
            except TimeoutError:
                return
