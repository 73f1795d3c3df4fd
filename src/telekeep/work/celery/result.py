"""What a task answers with, and whether it is tried again. Pure.

The words are those that workers of this kind have always used: success, no_channels, rate_limited, session_error,
auth_error, timeout, skipped_safety.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from telekeep.errors import (
    ConfigError,
    MaybeDone,
    NotGranted,
    SessionConflict,
    TelegramAuthError,
    TelegramNetworkError,
    TelegramRateLimitError,
    TelegramSessionError,
    TelekeepError,
)
from telekeep.pace.backoff import Backoff

SUCCESS, NO_CHANNELS = "success", "no_channels"
RATE_LIMITED, SESSION_ERROR, AUTH_ERROR = "rate_limited", "session_error", "auth_error"
TIMEOUT, SKIPPED = "timeout", "skipped_safety"

AGAIN = Backoff(attempts=4, first=5.0, cap=120.0)
"""For what may be over in a moment: the network, a daemon that is being restarted."""

_LONGEST = 300.0  # seconds; a task is looked at again after that, and asks nothing while the wait is not over
_SHORTEST = 1.0


class Verdict(NamedTuple):
    """``status``: in a word; ``again``: seconds until it is tried again, None if it is not."""

    status: str
    again: float | None = None


def countdown(seconds: float, visibility: float) -> float:
    """How long a task may be put off at once, of ``seconds`` that Telegram named.

    A task put off beyond the broker's visibility timeout is delivered to every worker (measured: five times).
    """
    return max(_SHORTEST, min(seconds, _LONGEST, visibility / 4))


def verdict(error: TelekeepError, *, failed: int, visibility: float) -> Verdict:
    """What becomes of a task that has met ``error``, having failed ``failed`` times in a row with this one."""
    if isinstance(error, TelegramRateLimitError):
        return Verdict(RATE_LIMITED, countdown(error.seconds, visibility))
    if isinstance(error, TelegramAuthError):
        return Verdict(AUTH_ERROR)
    if isinstance(error, MaybeDone):  # what may have been done is not done again by itself
        return Verdict(TIMEOUT)
    if isinstance(error, SessionConflict):
        return Verdict(SKIPPED)
    if isinstance(error, TelegramNetworkError):
        return Verdict(TIMEOUT, AGAIN.pause(failed))
    if isinstance(error, TelegramSessionError | ConfigError | NotGranted):
        return Verdict(SESSION_ERROR)
    return Verdict(SESSION_ERROR, AGAIN.pause(failed))


def told(status: str, at: float, *, result: Any = None, error: TelekeepError | None = None) -> dict[str, Any]:
    """A task's answer, as JSON can hold it."""
    answer: dict[str, Any] = {"status": status, "timestamp": datetime.fromtimestamp(at, UTC).isoformat()}
    if error is None:
        return {**answer, "error": None, "result": result}
    seconds = getattr(error, "seconds", None)
    said = {"error": f"{type(error).__name__}: {error.message}", "remedy": error.remedy, "result": None}
    return {**answer, **said, **({"seconds": seconds} if seconds is not None else {})}
