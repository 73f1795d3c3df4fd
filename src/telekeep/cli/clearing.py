"""Waiting until every flood wait is over, for as long as it takes, and so that one can see it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from telekeep.cli.output import coloured
from telekeep.words import moment, timeline

if TYPE_CHECKING:
    from telekeep.cli.output import Output
    from telekeep.clock import Clock
    from telekeep.keeper.keeper import Keeper
    from telekeep.pace.ledger import Deadline

_AGAIN = 600.0  # seconds between two plain lines about the same wait
_CHANGED = 60.0  # seconds by which another end is worth a line


def wait_until_clear(out: Output, keeper: Keeper, names: Sequence[str]) -> float:
    """Wait until no flood wait of these sessions' accounts runs, of any where none is named; the seconds it took.

    Telegram is not asked. Raises KeyboardInterrupt for Ctrl-C, StorageUnavailable if the ledger cannot be read.
    """
    import asyncio

    from telekeep.keeper.floods import Floods

    floods = Floods(keeper, names)
    with _Countdown(out, keeper.clock) as countdown:
        return asyncio.run(floods.until_clear(countdown.told))


class _Countdown:
    """On a terminal a line that counts down, else plain lines now and then; nothing with ``--json`` or ``--quiet``."""

    def __init__(self, out: Output, clock: Clock) -> None:
        self._out = out
        self._clock = clock
        self._end: Callable[[], None] | None = None
        self._what = ""
        self._until = 0.0
        self._over = 0.0  # on the monotonic clock: between two looks the line goes on
        self._line: tuple[float, float] | None = None  # the end that the last plain line told, and when; boot seconds

    def told(self, deadline: Deadline, left: float) -> None:
        if self._out.json or self._out.quiet:
            return
        who = deadline.who or "a login"
        self._what = f"{deadline.method} of {who}" if deadline.method else who
        self._until, self._over = self._clock.wall() + left, time.monotonic() + left
        if coloured(sys.stderr):
            if self._end is None:
                from telekeep.cli.live import LIVE

                self._end = LIVE.show(self._now)
            return
        now = self._clock.boot()
        if self._line is None or abs(now + left - self._line[0]) > _CHANGED or now - self._line[1] >= _AGAIN:
            self._line = (now + left, now)
            self._out.note(f"… waiting for Telegram ({self._what}): {timeline(left, self._until)}")

    def _now(self) -> str:
        left = max(0, round(self._over - time.monotonic()))
        exact = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}"
        return f"waiting {exact} for Telegram ({self._what}), until {moment(self._until)}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._end is not None:
            self._end()
