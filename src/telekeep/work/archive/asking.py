"""An archive's requests: at their pace, asked again where the line was lost, and never before Telegram's deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from telekeep.clock import Clock
from telekeep.errors import LoanExpired, TelegramNetworkError, TelegramRateLimitError, TelekeepError
from telekeep.upstream.faults import named
from telekeep.work.archive.pacing import Pace

_ANSWER = 60.0  # seconds
_TRIES = 8
_LONGEST = 10.0  # seconds between two tries


class Asking:
    """See the module. ``told(words)``: what there is to say about waiting."""

    def __init__(self, client: Any, pace: Pace, *, clock: Clock, told: Callable[[str], None]) -> None:
        self._client = client
        self._pace = pace
        self._clock = clock
        self._told = told

    async def __call__(self, request: Any, *, paced: bool = True) -> Any:
        """The answer to ``request``, which only reads.

        Raises TelegramRateLimitError for a wait that is longer than the pace's patience, TelegramNetworkError if there
        is no answer after some tries, and whatever else Telegram or the gateway says, by our names.
        """
        loop = asyncio.get_running_loop()
        for attempt in range(_TRIES):
            if paced and (wait := self._pace.wait(loop.time())) > 0:
                await asyncio.sleep(wait)
            try:
                async with asyncio.timeout(_ANSWER):
                    return await self._client(request)
            except Exception as error:
                await self._bear(error, attempt)
        raise AssertionError("unreachable")

    async def _bear(self, error: Exception, attempt: int) -> None:
        """Wait until asking again makes sense. Raises what makes it senseless."""
        ours = named_here(error, self._clock)
        if isinstance(ours, TelegramRateLimitError) and ours.seconds <= self._pace.patience:
            if ours.seconds > 2:
                self._told(f"Telegram asks to wait {ours.seconds:.0f} s.")
            await asyncio.sleep(ours.seconds)
        elif isinstance(ours, TelegramNetworkError) and attempt < _TRIES - 1:
            await asyncio.sleep(min(0.1 * 2**attempt, _LONGEST))
        else:
            raise ours from error


def named_here(error: Exception, clock: Clock) -> TelekeepError:
    """The error of ours that a loan's client means."""
    if isinstance(error, TelekeepError):
        return error
    if "LOAN_" in str(error):
        return LoanExpired("The archive's loan has ended.")
    if isinstance(error, TimeoutError):
        return TelegramNetworkError(f"There was no answer within {_ANSWER:g} s.")
    return named(error, clock=clock)
