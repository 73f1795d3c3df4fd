"""How fast an archive asks, and how much in a day. Pure; the waiting is done by `telekeep.work.archive.asking`."""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86_400
INTERVAL = 0.1
"""Seconds between two requests for history, unless the user says otherwise."""

SHORT = 60.0
"""Seconds of a flood wait that are waited out; a longer one ends the run (`FLOOD_SECONDS` of the settings)."""


@dataclass(slots=True)
class Pace:
    """``interval``: seconds between two requests; ``budget``: messages of history a day (UTC), None for any number;
    ``patience``: the longest wait that is waited out."""

    interval: float = INTERVAL
    budget: int | None = None
    patience: float = SHORT
    next_at: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next request may go; it counts as made then. ``now`` on a clock that only grows."""
        at = max(now, self.next_at)
        self.next_at = at + self.interval
        return at - now

    def room(self, fetched: int) -> int | None:
        """How many messages are left of the day's budget; None for any number."""
        return None if self.budget is None else max(0, self.budget - fetched)


def day_of(wall: float) -> int:
    """The day of a moment, as days since 1970 (UTC)."""
    return int(wall // DAY)


def until_tomorrow(wall: float) -> float:
    """Seconds until the next day begins (UTC)."""
    return DAY - wall % DAY
