"""What the ledger says of one account: until when Telegram does not want to be asked."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from telekeep.clock import Clock, Moment
from telekeep.pace.ledger import Ledger
from telekeep.words import timeline


class Limit(NamedTuple):
    """``seconds`` from now, ``until`` in wall-clock seconds, ``method`` the TL method ("": every one)."""

    seconds: float
    until: float
    method: str

    def info(self) -> dict[str, Any]:
        return {
            "remaining_seconds": self.seconds,
            "expires_at": iso(self.until),
            "expires_human": timeline(self.seconds, self.until),
            "expires_timestamp": self.until,
            "method": self.method or None,
        }


def iso(at: float) -> str:
    """A wall-clock time in ISO 8601, local."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(at))


def limit(ledger: Ledger, subjects: Iterable[str], *, clock: Clock) -> Limit | None:
    """The longest wait that is in force for the whole account; slow mode in one chat is none. None if there is none.

    Raises StorageUnavailable if nobody can tell.
    """
    now = Moment.now(clock)
    found = [
        (each.left(now), each.method)
        for subject in subjects
        for each in ledger.of(subject).deadlines.values()
        if not each.chat
    ]
    seconds, method = max(found, default=(0.0, ""))
    return Limit(seconds, now.wall + seconds, method) if seconds > 0 else None
