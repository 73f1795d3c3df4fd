"""How long to wait before connecting again. A pure rule: whoever connects does the counting and the waiting.

Telethon pauses after an attempt that failed, but not after a connection that was accepted and dropped at once: it makes
the next one in the same millisecond, for as long as whoever answers goes on like that.
"""

from __future__ import annotations

STEADY_SECONDS = 10.0  # a connection that has lasted so long was a good one
FIRST_SECONDS = 0.1
LONGEST_SECONDS = 10.0
_DOUBLINGS = 7  # from the first pause to the longest


def is_short(lasted: float) -> bool:
    """Whether a connection that lasted so many seconds counts against the next."""
    return lasted < STEADY_SECONDS


def pause(short: int) -> float:
    """Seconds to wait after ``short`` short-lived connections in a row: 0, 0.1, 0.2, 0.4 and so on, at most 10."""
    if short <= 0:
        return 0.0
    return min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(short - 1, _DOUBLINGS))
