"""What the storm's borrowers wrote down, compared with what was sent: none missing, none twice, in order."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise


@dataclass
class Life:
    """A life of one client, from fresh to its end: messages heard, in the order they came."""

    up: float
    heard: list[tuple[int, str]] = field(default_factory=list)
    gone_at: set[int] = field(default_factory=set)  # the last message it had heard of whenever it was disconnected
    ended: bool = False


@dataclass
class Log:
    """A client's log; see `storm_borrower`."""

    name: str
    lives: list[Life] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)
    others: Counter[str] = field(default_factory=Counter)

    @property
    def is_stock(self) -> bool:
        """Whether it is Telethon as it comes, without anything of telekeep."""
        return self.name.startswith(("string", "sqlite"))

    @classmethod
    def read(cls, name: str, text: str) -> Log:
        log = cls(name)
        for line in text.splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "up":
                log.lives.append(Life(float(rest)))
            elif kind == "m":
                number, _, said = rest.partition(" ")
                log.lives[-1].heard.append((int(number), said))
            elif kind == "gone":
                log.lives[-1].gone_at |= {number for number, _ in log.lives[-1].heard[-1:]}
            elif kind == "try":
                log.tried.add(rest)
            elif kind == "sent":
                number, _, said = rest.partition(" ")
                log.sent[said] = int(number)
            elif kind == "end":
                log.lives[-1].ended = True
            elif kind:
                log.others[kind] += 1
        return log


def faults(log: Log, history: dict[int, str]) -> list[str]:
    """What is wrong with a log. ``history``: everything in the account, as text by id."""
    times = Counter(said for said in history.values() if said in log.tried)
    found = [f"{log.name} sent {said!r} {count} times" for said, count in times.items() if count > 1]
    found += [
        f"{log.name} was told that {said!r} is message {number}, which is {history.get(number)!r}"
        for said, number in log.sent.items()
        if history.get(number) != said
    ]
    for life in log.lives:
        found += _faults(log, life, history)
    return found


def _faults(log: Log, life: Life, history: dict[int, str]) -> list[str]:
    ids = [number for number, _ in life.heard]
    found = [
        f"heard {number} {history.get(number)!r} {count} times" for number, count in Counter(ids).items() if count > 1
    ]
    found += [
        f"heard {after} {history.get(after)!r} after {before} {history.get(before)!r}"
        for before, after in pairwise(ids)
        if after < before
    ]
    found += [f"heard {text!r} as message {number}" for number, text in life.heard if history.get(number) != text]
    if not ids and life.ended:
        found.append("was up and heard nothing")
    excused = forgotten(log, life, history)
    found += [
        f"never heard {number} {history[number]!r}, of {ids[0]} to {max(ids)}"
        for number in missing(log, life, history)
        if number not in excused
    ]
    return [f"{log.name} {each}" for each in found]


def missing(log: Log, life: Life, history: dict[int, str]) -> list[int]:
    """What it should have heard of and has not. Of what it sent itself it need not hear."""
    there = {number for number, _ in life.heard}
    if not there:
        return []
    first = min((number for number, text in history.items() if _lit(text) > life.up), default=max(there))
    return [
        number
        for number, text in sorted(history.items())
        if first <= number <= max(there) and number not in there and not re.match(rf"{log.name} \d", text)
    ]


def forgotten(log: Log, life: Life, history: dict[int, str]) -> set[int]:
    """What Telethon itself may have dropped: the one message it had in hand when it was disconnected
    (`telekeep.borrow.dispatch`)."""
    if not log.is_stock:
        return set()
    others = sorted(number for number, text in history.items() if not re.match(rf"{log.name} \d", text))
    after = dict(pairwise(others))
    return {after[number] for number in life.gone_at if number in after}


def _lit(text: str) -> float:
    """When a message of the lighthouse was sent; 0 if it is none."""
    return float(text.split()[2]) if text.startswith("light ") else 0.0
