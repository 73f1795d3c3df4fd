"""What blocks, beside the event loop, and so that no program has to stay for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")


async def aside(work: Callable[[], Result]) -> Result:
    """What ``work()`` returns or raises, from a thread of its own.

    Once this is cancelled nobody waits for the thread: the event loop's executor would keep a program that was told to
    end until the daemon answers.
    """
    loop = asyncio.get_running_loop()
    told: asyncio.Future[Result] = loop.create_future()

    def tell(say: Callable[[Any], None], what: Any) -> None:
        if not told.done():
            say(what)

    def run() -> None:
        try:
            found: tuple[Callable[[Any], None], Any] = (told.set_result, work())
        except Exception as error:
            found = (told.set_exception, error)
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(tell, *found)

    Thread(target=run, name="telekeep-aside", daemon=True).start()
    return await told
