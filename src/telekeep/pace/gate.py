"""What one client asks before each request, and tells when Telegram has refused one."""

from __future__ import annotations

import logging
from typing import NamedTuple

from telekeep.clock import Clock, Moment
from telekeep.errors import TelegramSessionError
from telekeep.pace import policy
from telekeep.pace.ledger import EMPTY, Deadline, Ledger
from telekeep.pace.stores.memory import MemoryLedger

_log = logging.getLogger(__name__)


class Closed(NamedTuple):
    """Not before: ``text`` as Telegram words it, ``seconds`` left, ``until`` in wall-clock seconds."""

    text: str
    seconds: float
    until: float


class Gate:
    """The gate of one ``subject``: an account, or what a login is counted for. ``who``: the session's name, for people.

    What it noted itself holds in this process even if the disk did not take it.
    """

    def __init__(self, ledger: Ledger, subject: str, *, who: str, clock: Clock) -> None:
        self._ledger = ledger
        self._own: MemoryLedger | None = None  # what the disk did not take
        self._subject = subject
        self._who = who
        self._clock = clock
        self._next: dict[str, float] = {}  # when a slowed method may be called again; boot seconds

    @property
    def is_quiet(self) -> bool:
        """Whether nothing at all is known against this subject. The quick way."""
        return self._ledger.of(self._subject) is EMPTY and self._own is None

    def closed(self, method: str, chat: str = "") -> Closed | None:
        """Why ``method`` may not be called now; None if it may. Raises StorageUnavailable if nobody can tell."""
        pages = [ledger.of(self._subject) for ledger in (self._ledger, self._own) if ledger is not None]
        found = [
            page.deadlines.get(place)
            for page in pages
            if page.deadlines
            for place in ((method, ""), ("", ""), (method, chat))
        ]
        if not any(found):
            return None
        now = Moment.now(self._clock)
        waits = [(each.left(now), each.text) for each in found if each is not None]
        left, text = max(waits)
        return Closed(text, left, now.wall + left) if left > 0 else None

    def pause(self, method: str) -> float:
        """Seconds to wait before this call of ``method``, which a flood has slowed down; the call counts as made."""
        pace = self._ledger.of(self._subject).paces.get(method)
        if pace is None:
            return 0.0
        interval = pace.now(Moment.now(self._clock))
        if not interval:
            self._next.pop(method, None)
            return 0.0
        now = self._clock.boot()
        at = max(now, min(self._next.get(method, now), now + policy.LONGEST_INTERVAL))
        self._next[method] = at + interval
        return at - now

    def note(self, method: str, wait: policy.Wait, chat: str = "") -> None:
        """Telegram has answered ``method`` with this wait; on disk when this returns, if the disk takes it."""
        deadline = Deadline(
            self._subject,
            method,
            wait.text,
            wait.seconds,
            Moment.now(self._clock),
            chat if policy.is_of_a_chat(wait.text) else "",
            self._who,
        )
        try:
            self._ledger.note(deadline)
        except TelegramSessionError as error:
            _log.warning("A flood wait could not be noted, and holds in this process only: %s", error.message)
            self._own = self._own or MemoryLedger(clock=self._clock)
            self._own.note(deadline)

    def deadlines(self) -> dict[str, float]:
        """Seconds left, by method; for a chat in slow mode by method and chat."""
        now = Moment.now(self._clock)
        left = {
            f"{each.method} in {each.chat}" if each.chat else each.method or "everything": each.left(now)
            for ledger in (self._ledger, self._own)
            if ledger is not None
            for each in ledger.of(self._subject).deadlines.values()
        }
        return {what: seconds for what, seconds in left.items() if seconds > 0}

    def intervals(self) -> dict[str, float]:
        """Seconds between two calls, by method, of those that a flood has slowed down."""
        now = Moment.now(self._clock)
        found = {each.method: each.now(now) for each in self._ledger.of(self._subject).paces.values()}
        return {method: interval for method, interval in found.items() if interval}
