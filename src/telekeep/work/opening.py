"""Sessions that are being opened: whoever lets all sessions go ends these, too."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from telekeep.errors import OwnerAbsent, TelekeepError

_T = TypeVar("_T")


class Openings:
    """``opening``: what opens a session, notes it and returns it; without a pause between the last two, so that a
    session is seen here or where it was noted.
    """

    def __init__(self) -> None:
        self._under_way: dict[asyncio.Task[Any], tuple[str, str]] = {}
        self._why: TelekeepError = OwnerAbsent("The daemon is stopping.")

    def name(self, lease: str) -> str | None:
        """The session that is being opened under this lease: that is ours before the session's owner is known."""
        return next((name for name, its_lease in self._under_way.values() if its_lease == lease), None)

    async def carry_out(self, name: str, lease: str, opening: Coroutine[Any, Any, _T]) -> _T:
        """What ``opening`` returns, which opens the session ``name``.

        Raises what it does, and what `cut_off` was given.
        """
        task = asyncio.get_running_loop().create_task(opening)
        self._under_way[task] = (name, lease)
        task.add_done_callback(lambda _: self._under_way.pop(task))
        try:
            return await task
        except asyncio.CancelledError:
            asker = asyncio.current_task()
            if asker is None or asker.cancelling():
                raise
            raise self._why from None

    async def cut_off(self, why: TelekeepError) -> None:
        """End what is under way, and wait until nothing of it is open. ``why``: what those who wait for it are told."""
        self._why = why
        under_way = tuple(self._under_way)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
