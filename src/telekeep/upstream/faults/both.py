"""Waits that are Telethon's error and ours at once: programs written for either catch them."""

from __future__ import annotations

from typing import Any

from telethon import errors as telegram

from telekeep import errors as ours


def _both(kind: type[ours.TelegramRateLimitError], theirs: Any) -> Any:
    """A class of both families. It bears our name: whoever prints it, or sends it on, means ours."""
    return type(kind.__name__, (kind, theirs), {"__doc__": kind.__doc__, "__module__": __name__})


_BOTH: dict[str, Any] = {
    "FLOOD_WAIT": _both(ours.FloodWait, telegram.FloodWaitError),
    "FLOOD_PREMIUM_WAIT": _both(ours.FloodWait, telegram.FloodPremiumWaitError),
    "SLOWMODE_WAIT": _both(ours.SlowModeWait, telegram.SlowModeWaitError),
    "TAKEOUT_INIT_DELAY": _both(ours.TakeoutDelay, telegram.TakeoutInitDelayError),
}


def flood_wait(text: str, *, seconds: float, until: float, method: str, request: Any) -> ours.TelegramRateLimitError:
    """The error for a wait that Telegram names ``text`` (FLOOD_WAIT and so on), with what is left of it in seconds.

    ``until``: wall-clock seconds. ``request``: the TL request, as Telethon's errors have it.
    """
    kind = _BOTH.get(text) or _BOTH["FLOOD_WAIT"]
    error: Any = kind(seconds=seconds, until=until, method=method)
    error.request, error.code = request, 420
    found: ours.TelegramRateLimitError = error
    return found
