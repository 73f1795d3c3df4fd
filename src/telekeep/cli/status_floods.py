"""What ``telekeep status`` shows of the ledger: until when Telegram may not be asked, and what goes slower since."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

from telekeep.pace.stores.local import LocalLedger
from telekeep.words import timeline

if TYPE_CHECKING:
    from pathlib import Path

    from telekeep.clock import Clock

_SHOWN = 10  # lines of one kind in the overview


class Floods(NamedTuple):
    """By session and method: seconds until Telegram may be asked, and seconds between two calls of a slowed one."""

    deadlines: Mapping[str, Mapping[str, float]]
    intervals: Mapping[str, Mapping[str, float]]

    def of(self, name: str, now: float) -> list[str]:
        """The lines of one session's page."""
        waits, slowed = self.deadlines.get(name, {}), self.intervals.get(name, {})
        return [
            *(f"  not before  {what}: {timeline(left, now + left)}" for what, left in waits.items()),
            *(f"  slowed down {method}: a call every {interval:.1f} s" for method, interval in slowed.items()),
        ]

    def overview(self, names: Collection[str], now: float) -> list[str]:
        """The lines below the table of all: the waits and paces of these sessions, and those of logins."""
        waits = [
            (who or "a login", what, left)
            for who, each in self.deadlines.items()
            for what, left in each.items()
            if who in names or not who
        ]
        waits.sort(key=lambda each: (-each[2], *each[:2]))
        slowed = [
            (who, what, gap) for who, each in self.intervals.items() if who in names for what, gap in each.items()
        ]
        slowed.sort(key=lambda each: (-each[2], *each[:2]))
        return [
            *_part("Telegram asks to wait:", [(who, f"{what}: {timeline(s, now + s)}") for who, what, s in waits]),
            *_part("Slowed down since:", [(who, f"{what}: a call every {s:.1f} s") for who, what, s in slowed]),
        ]


def floods(root: Path, clock: Clock) -> Floods:
    """What the ledger in the home at ``root`` says."""
    deadlines: dict[str, dict[str, float]] = {}
    intervals: dict[str, dict[str, float]] = {}
    ledger = LocalLedger(root, clock=clock)
    try:
        for each, left in ledger.shown():
            what = f"{each.method} in {each.chat}" if each.chat else each.method or "everything"
            deadlines.setdefault(each.who, {}).setdefault(what, left)  # the longest comes first
        for pace, interval in ledger.slowed():
            known = intervals.setdefault(pace.who, {})
            known[pace.method] = max(interval, known.get(pace.method, 0.0))
    finally:
        ledger.close()
    return Floods(deadlines, intervals)


def _part(heading: str, rows: list[tuple[str, str]]) -> list[str]:
    if not rows:
        return []
    more = len(rows) - _SHOWN
    width = max(len(who) for who, _ in rows[:_SHOWN])
    lines = [f"  {who:<{width}}  {words}" for who, words in rows[:_SHOWN]]
    return ["", heading, *lines, *((f"  … and {more} more: `telekeep status --json`",) if more > 0 else ())]
