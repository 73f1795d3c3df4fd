"""What Telegram's waits mean. Pure rules.

A flood is about one method of one account; slow mode about one chat; a takeout delay about the export. Only floods say
that we were too quick, so only they slow a method down: its interval is doubled by each, and decays by a tenth with
each minute that passes without another.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

FLOOD: Final = "FLOOD_WAIT"
SLOW_MODE: Final = "SLOWMODE_WAIT"
SHORT_SECONDS: Final = 60.0  # waits up to this are waited out, longer ones are said at once

FIRST_INTERVAL: Final = 0.25  # seconds between two calls before the first doubling
LONGEST_INTERVAL: Final = 30.0
LEAST_INTERVAL: Final = 0.05  # below this a method goes at full speed again
DECAY: Final = 0.9
MINUTE: Final = 60.0

_WAIT = re.compile(
    r"(FLOOD_WAIT|FLOOD_PREMIUM_WAIT|FLOOD_TEST_PHONE_WAIT|SLOWMODE_WAIT|TAKEOUT_INIT_DELAY|2FA_CONFIRM_WAIT"
    r"|PASSWORD_TOO_FRESH|SESSION_TOO_FRESH)_(\d+)"
)
_ADAPTS = frozenset({FLOOD, "FLOOD_PREMIUM_WAIT"})


class Wait(NamedTuple):
    """A wait as Telegram words it: ``text`` without its number, and the number, in seconds."""

    text: str
    seconds: float


def parse(text: str) -> Wait | None:
    """The wait that an error of Telegram's is; None if it is none. At least a second: FLOOD_WAIT_0 has been seen."""
    found = _WAIT.fullmatch(text)
    return Wait(found[1], max(1.0, float(found[2]))) if found else None


def is_of_a_chat(text: str) -> bool:
    """Whether this wait holds for one chat only."""
    return text == SLOW_MODE


def adapts(text: str) -> bool:
    """Whether this wait says that the method was called too often."""
    return text in _ADAPTS


def doubled(interval: float) -> float:
    """The interval after another flood. Seconds."""
    return min(LONGEST_INTERVAL, 2.0 * max(FIRST_INTERVAL, interval))


def decayed(interval: float, quiet: float) -> float:
    """What is left of an interval after ``quiet`` seconds without a flood; 0 when it is too small to matter."""
    left = interval * DECAY ** (max(0.0, quiet) // MINUTE)
    return left if left >= LEAST_INTERVAL else 0.0
