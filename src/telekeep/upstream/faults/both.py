"""Waits that are Telethon's error and ours at once: programs written for either catch them."""

from __future__ import annotations

from typing import Any

from telethon import errors as telegram

from telekeep import errors as ours


class HeldFloodWait(ours.FloodWait, telegram.FloodWaitError):  # type: ignore[misc]  # Telethon carries no types
    __doc__ = ours.FloodWait.__doc__


class HeldPremiumWait(ours.FloodWait, telegram.FloodPremiumWaitError):  # type: ignore[misc]
    __doc__ = ours.FloodWait.__doc__


class HeldSlowModeWait(ours.SlowModeWait, telegram.SlowModeWaitError):  # type: ignore[misc]
    __doc__ = ours.SlowModeWait.__doc__


class HeldTakeoutDelay(ours.TakeoutDelay, telegram.TakeoutInitDelayError):  # type: ignore[misc]
    __doc__ = ours.TakeoutDelay.__doc__


_BOTH: dict[str, Any] = {
    "FLOOD_PREMIUM_WAIT": HeldPremiumWait,
    "SLOWMODE_WAIT": HeldSlowModeWait,
    "TAKEOUT_INIT_DELAY": HeldTakeoutDelay,
}


def flood_wait(text: str, *, seconds: float, until: float, method: str, request: Any) -> ours.TelegramRateLimitError:
    """The error for a wait that Telegram names ``text`` (FLOOD_WAIT and so on), with what is left of it in seconds.

    ``until``: wall-clock seconds. ``request``: the TL request, as Telethon's errors have it.
    """
    error: Any = _BOTH.get(text, HeldFloodWait)(seconds=seconds, until=until, method=method)
    error.request, error.code = request, 420
    found: ours.TelegramRateLimitError = error
    return found
