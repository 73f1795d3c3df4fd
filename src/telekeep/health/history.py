"""What a row of checks says about a session. Pure.

Counted are checks that say something about the session: that it was well, that its login is over, that Telegram could
not be reached or asked us to wait. One that found somebody else using it, or a setting that is wrong, says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from telekeep.vault.record import Checked, Health

DAYS = 7
WINDOW = DAYS * 86_400.0  # seconds
OK = "ok"
_COUNTED = frozenset({OK, "needs_login", "network", "rate_limited"})


def summed_up(
    before: Sequence[Checked], last: Checked, *, next_at: float | None, last_ok: float | None, ttl_days: int | None
) -> Health:
    """What the checks ``before`` and the ``last`` one come to. ``last_ok``: when one was well, before the last."""
    rows = [each for each in before if last.at - WINDOW <= each.at < last.at] + [last]
    counted = [each for each in rows if each.outcome in _COUNTED]
    return Health(
        last,
        last.at if last.outcome == OK else last_ok,
        len(counted),
        sum(each.outcome == OK for each in counted),
        next_at,
        ttl_days,
    )


def availability(health: Health) -> float | None:
    """The part of the counted checks that were well, 0 to 1; None if there is none."""
    return health.good / health.counted if health.counted else None


def failures(before: Sequence[Checked]) -> int:
    """How many checks have failed in a row, up to the last."""
    count = 0
    for each in reversed(before):
        if each.outcome == OK:
            break
        count += 1
    return count
