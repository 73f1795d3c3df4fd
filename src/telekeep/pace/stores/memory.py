"""A ledger in memory, for one process: what it knows ends with it."""

from __future__ import annotations

from telekeep.clock import Clock, Moment
from telekeep.pace.ledger import EMPTY, Deadline, Pace, Page, longer, shown, slowed, slower


class MemoryLedger:
    """See `telekeep.pace.ledger.Ledger`."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._pages: dict[str, Page] = {}

    def note(self, deadline: Deadline) -> None:
        now = Moment.now(self._clock)
        page = self._pages.get(deadline.subject, EMPTY)
        place = (deadline.method, deadline.chat)
        deadlines = {**page.deadlines, place: longer(page.deadlines.get(place), deadline, now)}
        pace = slower(page.paces.get(deadline.method), deadline, now)
        paces = {**page.paces, deadline.method: pace} if pace else page.paces
        self._pages[deadline.subject] = Page({k: v for k, v in deadlines.items() if v.left(now) > 0}, paces)

    def of(self, subject: str) -> Page:
        return self._pages.get(subject, EMPTY)

    def clear(self, subject: str) -> None:
        self._pages.pop(subject, None)

    def shown(self) -> list[tuple[Deadline, float]]:
        return shown(self._pages.values(), Moment.now(self._clock))

    def slowed(self) -> list[tuple[Pace, float]]:
        return slowed(self._pages.values(), Moment.now(self._clock))

    def close(self) -> None:
        pass
