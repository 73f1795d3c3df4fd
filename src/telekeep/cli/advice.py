"""What to do about a session, judged by when Telegram last took it.

Age alone ends no session; inactivity may (`account.setAuthorizationTTL`). So advice rests on the last authorized use,
never on the age of a file, which every use makes young again.
"""

from __future__ import annotations

from typing import NamedTuple

from telekeep.cli.output import since

DAY = 86_400
DEFAULT_DAYS = (14.0, 30.0, 90.0)


IN_USE, RECENT, IDLE, CONSIDER, OVERDUE = "in use", "recent", "idle", "consider", "overdue"
"""How long a session has been idle, in the steps of the policy."""


class Advice(NamedTuple):
    """``idle`` is in seconds: since the last authorized use, or since the session was kept if there was none."""

    level: str
    words: str
    idle: float


def advise(
    name: str,
    *,
    last_used_at: float | None,
    saved_at: float,
    now: float,
    held: bool = False,
    days: tuple[float, float, float] = DEFAULT_DAYS,
) -> Advice:
    """The advice for the session ``name``. Times in wall-clock seconds, ``days``: the age policy of the settings."""
    idle = max(0.0, now - (saved_at if last_used_at is None else last_used_at))
    if held:
        return Advice(IN_USE, "in use: nothing to do", idle)
    seen = f"kept {since(idle)} ago and not used since" if last_used_at is None else f"not used for {since(idle)}"
    if idle >= days[2] * DAY:
        return Advice(OVERDUE, f"{seen}: Telegram may have ended it for inactivity; run `telekeep test {name}`", idle)
    if idle >= days[1] * DAY:
        words = f"{seen}: consider `telekeep test {name}` (age ends no session, inactivity may)"
        return Advice(CONSIDER, words, idle)
    if idle >= days[0] * DAY:
        return Advice(IDLE, f"{seen}: `telekeep test {name}` keeps it active", idle)
    if last_used_at is None:
        return Advice(RECENT, f"{seen}: `telekeep test {name}` shows whether it is valid", idle)
    return Advice(RECENT, f"used {since(idle)} ago: nothing to do", idle)
