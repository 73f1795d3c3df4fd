"""How long a question to Telegram may take that somebody waits for: one deadline for `test` and its neighbours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from telekeep.errors import TelegramNetworkError, TelekeepError

SECONDS = 60.0  # for all of it
STEP_SECONDS = 30.0  # for a connection
SHARE = 0.6  # of a step, for a daemon to answer: what is left is enough to find out that it holds the session still


@asynccontextmanager
async def within(seconds: float = SECONDS) -> AsyncIterator[None]:
    """Do what follows in ``seconds``, or raise TelegramNetworkError, which says so."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        if isinstance(error, TelekeepError):  # some of ours are a TimeoutError too, and say more
            raise
        raise TelegramNetworkError(
            f"Timeout connecting to Telegram: no answer within {seconds:g} s.",
            remedy="Please try again: check the connection, try another network, or wait some minutes.",
        ) from None


def patience(wanted: float, seconds: float = SECONDS) -> float:
    """Seconds of a flood wait that may be waited out within such a deadline: so many are left to ask in."""
    return min(wanted, seconds * (1 - SHARE / 2))
