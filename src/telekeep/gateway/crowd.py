"""Everybody who is connected, and what one of them may not do to the others.

A client that asks faster than it is answered is not read from until it has its answers. One that connects again and
again, or connects and proves no key, is made to wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from telekeep.clock import Clock
from telekeep.gateway.borrower import Borrower
from telekeep.gateway.register import GatewayKey
from telekeep.mtproto.connection import Connection

RUNNING = 512  # requests of one borrower that have no answer; then it is read from no more
LARGE = 16 << 20  # bytes of its large requests that have no answer; likewise
_ENOUGH = RUNNING // 2  # until it has so few
STRANGERS = 128  # connections that have not proved a key; then the oldest is closed
_PATIENCE = 60.0  # seconds a connection may take to prove one
_CONNECTIONS = 20  # of one loan, within
_WITHIN = 10.0  # so many seconds; each further one is served only after
_NAMES = 1000  # loans whose connections are counted, before the quiet ones are forgotten
_PAUSE = 1.0  # so many seconds more than the one before


class Crowd:
    """The connections of one gateway."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[Connection, None] = {}
        self._strangers: dict[Connection, asyncio.TimerHandle] = {}
        self._recent: dict[str, deque[float]] = {}
        self._slowed: dict[Connection, float] = {}  # boot seconds before which nothing is done for it
        self._waiting: set[Borrower] = set()

    def lines(self) -> list[Connection]:
        return list(self._lines)

    def opened(self, line: Connection) -> None:
        """A connection was made."""
        self._lines[line] = None
        loop = asyncio.get_running_loop()
        self._strangers[line] = loop.call_later(_PATIENCE, line.close, "it proves no key")
        if len(self._strangers) > STRANGERS:
            next(iter(self._strangers)).close("too many that prove no key")

    def closed(self, line: Connection) -> None:
        self._lines.pop(line, None)
        self._known(line)
        self._slowed.pop(line, None)
        self._waiting = {each for each in self._waiting if each.line is not line}

    def proven(self, line: Connection, key: GatewayKey) -> None:
        """It has sent something that only who has the key could."""
        self._known(line)
        if key.loan is None:  # it may ask next to nothing, and belong to any program that goes to another data center
            return
        now = self._clock.boot()
        recent = self._recent.setdefault(key.loan.id, deque())
        while recent and now - recent[0] > _WITHIN:
            recent.popleft()
        recent.append(now)
        if len(self._recent) > _NAMES:  # most programs fetch a loan of their own each time they start
            self._recent = {name: each for name, each in self._recent.items() if now - each[-1] <= _WITHIN}
        excess = len(recent) - _CONNECTIONS
        if excess > 0:
            pause = min(_WITHIN, excess * _PAUSE)
            self._slowed[line] = now + pause
            line.hold()
            asyncio.get_running_loop().call_later(pause, self._quicken, line)

    def _quicken(self, line: Connection) -> None:
        self._slowed.pop(line, None)
        line.release()

    def pause(self, line: Connection) -> float:
        """Seconds that what came over ``line`` has to wait."""
        return max(0.0, self._slowed[line] - self._clock.boot()) if line in self._slowed else 0.0

    def _known(self, line: Connection) -> None:
        timer = self._strangers.pop(line, None)
        if timer is not None:
            timer.cancel()

    # ---- requests

    def asks(self, borrower: Borrower) -> None:
        """One more request that takes its time."""
        if borrower not in self._waiting and (
            len(borrower.conversation.running) >= RUNNING or sum(borrower.large.values()) >= LARGE
        ):
            self._waiting.add(borrower)
            borrower.line.hold()

    def answered(self, borrower: Any) -> None:
        """One less."""
        if (
            self._waiting
            and borrower in self._waiting
            and len(borrower.conversation.running) <= _ENOUGH
            and sum(borrower.large.values()) <= LARGE // 2
        ):
            self._waiting.discard(borrower)
            borrower.line.release()
