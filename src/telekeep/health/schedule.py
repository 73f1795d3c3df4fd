"""When a session is to be touched next, so that Telegram does not end it for inactivity. Pure.

Telegram ends a login that was not used for as long as its owner has set (account.setAuthorizationTTL; half a year if
nothing was set). So each is used in a tenth of that time at the latest, and in the usual interval otherwise.
"""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

from telekeep.vault.record import Entry, Health

HOUR, DAY = 3_600.0, 86_400.0
INTERVAL = 6 * HOUR
_FIRST_RETRY = 300.0  # seconds after a network that failed
_SPREAD = 0.2  # part of the interval by which names are spread, so that not all are asked at once


class Outcome(NamedTuple):
    """What came of a check. ``wait``: seconds that Telegram asked us to wait; ``failures``: failed ones before it."""

    name: str
    outcome: str
    failures: int = 0
    wait: float = 0.0
    ttl_days: int | None = None


def next_check(found: Outcome, *, now: float, interval: float = INTERVAL) -> float | None:
    """When to ask again, in wall-clock seconds; None if never: the login is over, and only a person makes another."""
    usual = _usual(found, interval)
    if found.outcome == "needs_login":
        return None
    if found.outcome == "network":
        return now + min(usual, _FIRST_RETRY * 2.0 ** min(found.failures, 20))
    if found.outcome == "rate_limited":
        return now + max(usual, found.wait + _FIRST_RETRY)
    if found.outcome == "conflict":  # whoever uses it keeps it alive
        return now + min(usual, HOUR)
    return now + usual


def _usual(found: Outcome, interval: float) -> float:
    most = interval if found.ttl_days is None else min(interval, found.ttl_days * DAY / 10)
    return most * (1 - _SPREAD * (crc32(found.name.encode()) % 1000) / 1000)


def due(entry: Entry, health: Health | None, *, now: float, interval: float = INTERVAL) -> float | None:
    """When the session ``entry`` is due, in wall-clock seconds; None if never.

    One that was never checked is due an interval after its last use. A deadline that lies farther off than any that is
    ever set was set by a clock that was wrong, and does not count.
    """
    if health is None:
        used = entry.saved_at if entry.last_used_at is None else entry.last_used_at
        return min(used, now) + _usual(Outcome(entry.name, "ok"), interval)
    if health.next_at is None:  # the login was over; a use that was accepted since says that it is not
        since = entry.last_used_at
        if since is None or since <= health.last.at:
            return None
        return since + _usual(Outcome(entry.name, "ok"), interval)
    asked_to_wait = health.last.outcome == "rate_limited" and health.last.at <= now
    if asked_to_wait or health.next_at - now <= 2 * max(interval, HOUR):
        return health.next_at
    return now
