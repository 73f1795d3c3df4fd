"""What Telegram has said about waiting: remembered for all borrowers, so that none of them asks before the time."""

from __future__ import annotations

import re

_WAIT = re.compile(r"(FLOOD(?:_PREMIUM)?_WAIT_)(\d+)")


class Floods:
    """The deadlines of one session, by method. ``now`` is boot seconds throughout: no clock can be set back to it."""

    def __init__(self) -> None:
        self._until: dict[str, tuple[float, str]] = {}

    def note(self, method: str, text: str, now: float) -> None:
        """Telegram has answered ``method`` with this error."""
        found = _WAIT.fullmatch(text)
        if found:
            self._until[method] = now + int(found[2]), found[1]

    def answer(self, method: str, now: float) -> str | None:
        """The error to answer ``method`` with, its seconds counted anew; None if it may be asked."""
        if not self._until:
            return None
        until, kind = self._until.get(method, (now, ""))
        left = until - now
        if left <= 0:
            self._until.pop(method, None)
            return None
        return f"{kind}{int(left) + 1}"

    def deadlines(self, now: float) -> dict[str, float]:
        """Seconds left, by method."""
        return {method: until - now for method, (until, _) in self._until.items() if until > now}
