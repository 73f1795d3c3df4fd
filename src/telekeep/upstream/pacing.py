"""How long to wait before connecting again. A pure rule: whoever connects does the counting and the waiting.

Telethon pauses after an attempt that failed, but not after a connection that was accepted and dropped at once: it makes
the next one in the same millisecond, for as long as whoever answers goes on like that.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from telekeep.pace.backoff import Backoff

STEADY_SECONDS = 10.0  # a connection that has lasted so long was a good one
FIRST_SECONDS = 0.1
LONGEST_SECONDS = 10.0
_HALF = partial(random.uniform, 0.5, 1.0)  # of a pause at least: one that is next to nothing would be none


def is_short(lasted: float) -> bool:
    """Whether a connection that lasted so many seconds counts against the next."""
    return lasted < STEADY_SECONDS


def pause(short: int, *, jitter: Callable[[], float] = _HALF) -> float:
    """Seconds to wait after ``short`` short-lived connections in a row: none, then up to 0.1, 0.2, 0.4 and so on, at
    most 10. ``jitter``: the part of it that is waited.
    """
    if short <= 0:
        return 0.0
    return Backoff(attempts=None, first=FIRST_SECONDS, cap=LONGEST_SECONDS, jitter=jitter).pause(short) or 0.0
