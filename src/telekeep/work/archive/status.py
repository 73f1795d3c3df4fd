"""How a run of the archive ended, in one word."""

from __future__ import annotations

from typing import Final

from telekeep.errors import (
    SessionConflict,
    TelegramAuthError,
    TelegramNetworkError,
    TelegramRateLimitError,
    TelekeepError,
)
from telekeep.work.archive.finding import NoChat

SUCCESS: Final = "success"
NO_CHANNELS: Final = "no_channels"
RATE_LIMITED: Final = "rate_limited"
SESSION_ERROR: Final = "session_error"
AUTH_ERROR: Final = "auth_error"
TIMEOUT: Final = "timeout"
SKIPPED_SAFETY: Final = "skipped_safety"


def status_of(error: TelekeepError | None) -> str:
    """The status of a run that ended with ``error``."""
    if error is None:
        return SUCCESS
    for kind, status in (
        (NoChat, NO_CHANNELS),
        (TelegramRateLimitError, RATE_LIMITED),
        (TelegramAuthError, AUTH_ERROR),
        (SessionConflict, SKIPPED_SAFETY),
        (TelegramNetworkError, TIMEOUT),
    ):
        if isinstance(error, kind):
            return status
    return SESSION_ERROR
