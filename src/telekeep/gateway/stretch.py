"""How far one line of the journal has come, and which entries lie on its unbroken stretch."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from telekeep.gateway.entries import Entry


@dataclass(slots=True)
class Stretch:
    """``now``: its pts · ``floor``: where the unbroken stretch up to ``now`` begins · its entries in the journal, by
    number and by where they end; those before ``first`` are gone · when it moved last, in Unix seconds · stretches in
    which nobody knows what stands where.
    """

    now: int
    floor: int
    numbers: list[int]
    ends: list[int]
    first: int = 0
    moved_at: int = 0
    guesses: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def at(cls, pts: int) -> Stretch:
        return cls(pts, pts, [], [])

    def leap(self, pts: int) -> None:
        self.now = self.floor = pts
        self.numbers, self.ends, self.first, self.guesses = [], [], 0, []

    def add(self, entry: Entry) -> None:
        if entry.pts_from != self.now:
            self.leap(entry.pts_from)
        self.now = entry.pts_to
        self.numbers.append(entry.number)
        self.ends.append(entry.pts_to)
        self.moved_at = max(self.moved_at, entry.date)
        if entry.guess is not None and entry.guess not in self.guesses[-1:]:
            self.guesses.append(entry.guess)

    def drop(self, entry: Entry) -> None:
        """The oldest entry of the journal, if it is still one of this line's stretch."""
        if self.first < len(self.numbers) and self.numbers[self.first] == entry.number:
            self.first += 1
            self.floor = entry.pts_to
            self.guesses = [each for each in self.guesses if each[1] > self.floor]
            if self.first > 64 and self.first * 2 > len(self.numbers):
                del self.numbers[: self.first], self.ends[: self.first]
                self.first = 0

    def is_guess(self, pts: int) -> bool:
        """Whether it is not known for sure what happened before ``pts``, and what after it."""
        return any(start < pts < end for start, end in self.guesses)

    def after(self, pts: int) -> list[int]:
        """The numbers of the entries that end after ``pts``."""
        return self.numbers[bisect_right(self.ends, pts, lo=self.first) :]
