"""An event loop in a thread of its own, for a worker process that has none, and what lives on it. Made when it is
first needed. A prefork worker forks its processes; each makes its own loop, and none has a part in its parent's.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from telekeep.work.celery.pool import Pool

_LEAVING = 12.0  # seconds for what is cancelled to disconnect: Telethon's own limit is ten


class _Here(NamedTuple):
    loop: asyncio.AbstractEventLoop
    pool: Pool


_made: _Here | None = None
_guard = threading.Lock()


def _here() -> _Here:
    global _made
    with _guard:
        if _made is None:
            _made = _Here(asyncio.new_event_loop(), Pool())
            threading.Thread(target=_made.loop.run_forever, name="telekeep", daemon=True).start()
        return _made


def run(work: Callable[[Pool], Coroutine[Any, Any, Any]]) -> Any:
    """Do ``work`` on the loop, with its clients; what it returns or raises.

    If the task is told to end (a soft time limit, a worker that stops), ``work`` is cancelled, and waited for.
    """
    ended, here = threading.Event(), _here()

    async def noted() -> Any:
        try:
            return await work(here.pool)
        finally:
            ended.set()

    future = asyncio.run_coroutine_threadsafe(noted(), here.loop)
    try:
        return future.result()
    except BaseException:
        if not future.done() or future.cancelled():
            future.cancel()
            ended.wait(_LEAVING)
        raise


def close() -> None:
    """The process ends: its clients disconnect."""
    if _made is not None:
        run(Pool.close)


def _begin_anew() -> None:
    global _guard, _made
    _guard, _made = threading.Lock(), None


os.register_at_fork(after_in_child=_begin_anew)
