"""The calls of a held client: the ledger of flood waits is asked first, and an answer may end the line.

Calls raise Telethon's own errors, and ours where the connection or the lease is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from telethon import errors, functions

from telekeep.borrow.dispatch import Dispatching
from telekeep.errors import TelekeepError
from telekeep.upstream.faults import DEAD, another
from telekeep.upstream.patience import Outspoken, Patience, Refused
from telekeep.upstream.sender import asks_who_we_are

if TYPE_CHECKING:
    from telekeep.upstream.holding import Holding, Terms

_raises_at_once: ContextVar[bool] = ContextVar("no wait is waited out", default=False)


@contextmanager
def at_once() -> Iterator[None]:
    """Calls made inside wait no flood out, however short: whoever asked for them does, and shows that he waits."""
    token = _raises_at_once.set(True)
    try:
        yield
    finally:
        _raises_at_once.reset(token)


class Calling(Dispatching):
    """A part of `telekeep.upstream.held.HeldClient`."""

    _terms: Terms
    _patience: Patience
    _held_now: Callable[[], Holding]
    _told: Callable[[Exception], TelekeepError]

    async def _call(self, sender: Any, request: Any, *args: Any, **options: Any) -> Any:
        hold, patience, failed = self._held_now(), self._patience, 0
        while True:
            try:
                with hold.line.call():
                    if not patience.gate.is_quiet:
                        await patience.before(request, self._longest_wait(hold))
                    way = Outspoken(self._introduction(hold, sender, request) or sender)
                    result = await super()._call(way, request, *args, **options)
                break
            except TelekeepError:
                raise
            except (OSError, EOFError, BufferError) as error:
                raise self._told(error) from error
            except Exception as answer:
                refused = answer.error if isinstance(answer, Refused) else answer
            pause = self._judged(hold, sender, request, refused, failed := failed + 1)
            if pause is None:
                raise patience.told(refused, request)
            with hold.line.call():
                await self._terms.clock.sleep(pause)
        hold.record.used()
        if isinstance(request, functions.auth.LogOutRequest):
            hold.logged_out = True
        return result

    def _introduction(self, hold: Holding, sender: Any, request: Any) -> Any:
        """While connecting, what has asked this already; None if it is to be asked now."""
        is_ours = hold.writing is None and sender is self._sender and asks_who_we_are(request)
        return sender.introduction if is_ours else None

    def _judged(self, hold: Holding, sender: Any, request: Any, error: Exception, failed: int) -> float | None:
        """What an answer means: it may end the line, or be noted in the ledger. Seconds until the same request is tried
        again, None if it is not.
        """
        for each in getattr(error, "exceptions", [error]):
            if type(each) in DEAD and (sender is self._sender or type(each) is errors.AuthKeyDuplicatedError):
                hold.line.end(partial(another, each))
        retries = self._request_retries
        attempts = None if retries is None or retries < 0 else retries + 1
        wait = self._patience.note(error, request)
        if wait:  # the ledger says until when
            tried_enough = attempts is not None and failed >= max(attempts, 2)
            is_single = not isinstance(error, errors.MultiError)
            return 0.0 if is_single and wait <= self._longest_wait(hold) and not tried_enough else None
        return self._patience.pause(error, request, failed, attempts=attempts)

    def _longest_wait(self, hold: Holding) -> float:
        """Seconds of a flood that are waited out. While connecting none: a program would not know what it waits for."""
        if hold.writing is None or _raises_at_once.get():
            return 0.0
        return float(self.flood_sleep_threshold)
