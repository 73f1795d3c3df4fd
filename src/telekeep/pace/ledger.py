"""The flood-wait ledger: what Telegram has said "not before" about, for every process.

A deadline is kept as its length and the moment it was said, by both clocks (`telekeep.clock.Moment`). As long as the
machine runs, the boot clock counts, which nobody can set; after a restart the wall clock is believed once, never below
the time this boot has lasted. So neither a reboot nor a changed clock frees or traps anyone. Only both together can: a
clock set forward while the machine was off looks like time that has passed, and costs one call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from telekeep.clock import Moment, age, rebased
from telekeep.pace import policy


@dataclass(frozen=True, slots=True)
class Deadline:
    """Telegram has answered ``method``, asked by ``subject``, with the wait ``text`` of so many ``seconds``.

    ``subject``: an account, or what a login is counted for. ``method``: "" for all of them. ``chat``: "" for all chats.
    ``who``: the name of the session that was told.
    """

    subject: str
    method: str
    text: str
    seconds: float
    at: Moment
    chat: str = ""
    who: str = ""

    def left(self, now: Moment) -> float:
        """Seconds until it is over; 0 or less if it is."""
        return self.seconds - age(self.at, now)

    def rebased(self, now: Moment) -> Deadline:
        """The same in terms of the present boot."""
        at = rebased(self.at, now)
        return self if at is self.at else replace(self, at=at)


@dataclass(frozen=True, slots=True)
class Pace:
    """How far apart calls of a ``method`` are: ``interval`` seconds, at the last flood."""

    subject: str
    method: str
    interval: float
    at: Moment
    who: str = ""

    def now(self, now: Moment) -> float:
        """The interval by now; 0 if the method goes at full speed."""
        return policy.decayed(self.interval, age(self.at, now))

    def rebased(self, now: Moment) -> Pace:
        at = rebased(self.at, now)
        return self if at is self.at else replace(self, at=at)


@dataclass(frozen=True, slots=True)
class Page:
    """What is known of one subject: ``deadlines`` by method and chat, ``paces`` by method. Some may be over."""

    deadlines: Mapping[tuple[str, str], Deadline] = field(default_factory=dict)
    paces: Mapping[str, Pace] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.deadlines or self.paces)


EMPTY = Page()


class Ledger(Protocol):
    """What keeps deadlines. Raises StorageUnavailable where the disk refuses."""

    def note(self, deadline: Deadline) -> None:
        """Keep a deadline; on disk when this returns. One that ends earlier than what is kept changes nothing.

        If its text says that the method was called too often, the method's interval is doubled with it.
        """

    def of(self, subject: str) -> Page:
        """What is known of ``subject`` now, whichever process noted it. Nearly free while nothing changes."""

    def clear(self, subject: str) -> None:
        """Forget what is known of ``subject``."""

    def shown(self) -> list[tuple[Deadline, float]]:
        """Every deadline that is not over, with the seconds left, the longest first. Subjects are not named."""

    def slowed(self) -> list[tuple[Pace, float]]:
        """Every method that goes slower, with its interval. Subjects are not named."""

    def close(self) -> None:
        """Close what is open. The next use opens it again."""


def longer(known: Deadline | None, new: Deadline, now: Moment) -> Deadline:
    """Whichever of the two ends later."""
    return new if known is None or new.left(now) >= known.left(now) else known


def slower(known: Pace | None, new: Deadline, now: Moment) -> Pace | None:
    """The pace after ``new``; None if it says nothing about the pace."""
    if not policy.adapts(new.text):
        return None
    return Pace(new.subject, new.method, policy.doubled(known.now(now) if known else 0.0), now, new.who)


def shown(pages: Iterable[Page], now: Moment) -> list[tuple[Deadline, float]]:
    """The deadlines of these pages that are not over, with the seconds left, the longest first."""
    found = [(each, each.left(now)) for page in pages for each in page.deadlines.values()]
    return sorted(((each, left) for each, left in found if left > 0), key=lambda pair: -pair[1])


def slowed(pages: Iterable[Page], now: Moment) -> list[tuple[Pace, float]]:
    """The methods of these pages that go slower, with their intervals."""
    found = [(each, each.now(now)) for page in pages for each in page.paces.values()]
    return [(each, interval) for each, interval in found if interval]
