"""What Telegram has said about waiting, for borrowers: they get their FLOOD_WAIT from the ledger, with what is left."""

from __future__ import annotations

from math import ceil
from typing import Any

from telekeep.pace.gate import Gate
from telekeep.pace.policy import parse
from telekeep.upstream.limited import chat_of


class Floods:
    """The ledger (`telekeep.pace`) as a gateway uses it. ``gate``: that of the owner's account."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def note(self, method: str, request: Any, text: str) -> None:
        """Telegram has answered ``method`` with this error; if it is a wait, it is on disk when this returns."""
        wait = parse(text)
        if wait is not None:
            self._gate.note(method, wait, chat_of(request))

    def answer(self, method: str, request: Any) -> str | None:
        """The error to answer ``method`` with, its seconds counted anew; None if it may be asked."""
        if self._gate.is_quiet:
            return None
        closed = self._gate.closed(method, chat_of(request))
        return f"{closed.text}_{ceil(closed.seconds)}" if closed is not None else None

    def pause(self, method: str) -> float:
        """Seconds until a call of ``method`` is sent on, where a flood has slowed it down; the call counts as made."""
        return 0.0 if self._gate.is_quiet else self._gate.pause(method)

    def deadlines(self) -> dict[str, float]:
        """Seconds left, by method; in slow mode by method and chat."""
        return self._gate.deadlines()

    def intervals(self) -> dict[str, float]:
        """Seconds between two calls, by method, of those that a flood has slowed down."""
        return self._gate.intervals()
