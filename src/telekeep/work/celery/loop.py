"""An event loop in a thread of its own, for a worker process that has none. Made when it is first needed.

A prefork worker forks its processes; each makes its own loop, and none has a part in its parent's.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any

_LEAVING = 12.0  # seconds for what is cancelled to disconnect: Telethon's own limit is ten

_made: tuple[int, asyncio.AbstractEventLoop] | None = None
_guard = threading.Lock()


def _loop() -> asyncio.AbstractEventLoop:
    global _made
    with _guard:
        if _made is None or _made[0] != os.getpid():
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="telekeep", daemon=True).start()
            _made = (os.getpid(), loop)
        return _made[1]


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Do ``work`` on the loop; what it returns or raises.

    If the task is told to end (a soft time limit, a worker that stops), ``work`` is cancelled, and waited for.
    """
    ended = threading.Event()

    async def noted() -> Any:
        try:
            return await work
        finally:
            ended.set()

    future = asyncio.run_coroutine_threadsafe(noted(), _loop())
    try:
        return future.result()
    except BaseException:
        if not future.done() or future.cancelled():
            future.cancel()
            ended.wait(_LEAVING)
        raise


def _begin_anew() -> None:
    global _guard, _made
    _guard, _made = threading.Lock(), None


os.register_at_fork(after_in_child=_begin_anew)
