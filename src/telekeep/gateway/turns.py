"""Whose request goes next: each borrower in its turn, however many one of them has asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """Queues, one for each borrower, emptied in turn. ``window``: how many may be under way at once.

    Nobody may have more under way than is left for the others: one that asks without end gets half of the window, two
    a third each, and there is always room for who comes with a single request.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._queues: dict[Hashable, deque[T]] = {}  # in the order of turns; none is empty
        self._under_way: dict[Hashable, int] = {}
        self.running = 0

    def add(self, who: Hashable, what: T) -> None:
        """Queue a request of ``who``."""
        queue = self._queues.get(who)
        if queue is None:
            queue = self._queues[who] = deque()
        queue.append(what)

    def next(self) -> T | None:
        """The request that may go now; it is under way from now on. None if there is none, or no room."""
        left = self._window - self.running
        who = next((each for each in self._queues if self._under_way.get(each, 0) < left), None)
        if who is None:
            return None
        queue = self._queues.pop(who)
        found = queue.popleft()
        if queue:
            self._queues[who] = queue  # last in the round now
        self._under_way[who] = self._under_way.get(who, 0) + 1
        self.running += 1
        return found

    def done(self, who: Hashable) -> None:
        """One of ``who`` that was under way has ended."""
        self.running -= 1
        count = self._under_way.pop(who) - 1
        if count:
            self._under_way[who] = count

    def drop(self, who: Hashable) -> list[T]:
        """Forget what ``who`` has queued, and return it."""
        return list(self._queues.pop(who, ()))

    def clear(self) -> list[T]:
        """Forget what everybody has queued, and return it."""
        queues, self._queues = self._queues, {}
        return [each for queue in queues.values() for each in queue]

    def __iter__(self) -> Iterator[T]:
        """All that wait."""
        return (each for queue in self._queues.values() for each in queue)

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._queues.values()))
