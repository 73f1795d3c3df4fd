"""How long to wait before the same is tried again. A pure rule; whoever tries does the counting and the waiting.

Exponential, with full jitter: a random time between 0 and the limit of the attempt, so that many who failed together do
not come back together. What Telegram names in seconds is honoured, and never shortened.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

_MOST_DOUBLINGS = 60  # beyond it a float has no meaning, and every cap is reached


@dataclass(frozen=True, slots=True)
class Backoff:
    """``attempts``: in all, the first included; None for no end. ``first`` and ``cap`` in seconds.

    ``jitter``: gives a number from 0 to below 1.
    """

    attempts: int | None = 4
    first: float = 0.5
    cap: float = 30.0
    jitter: Callable[[], float] = random.random

    def pause(self, failed: int, *, said: float = 0.0) -> float | None:
        """Seconds to wait after ``failed`` attempts in a row; None if there is no further attempt.

        ``said``: the seconds that Telegram named; at least as many are waited.
        """
        if self.attempts is not None and failed >= self.attempts:
            return None
        limit = min(self.cap, self.first * 2.0 ** min(max(0, failed - 1), _MOST_DOUBLINGS))
        return said + self.jitter() * limit if said else self.jitter() * limit
