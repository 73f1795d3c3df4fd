"""Time, handed in. Nothing else in telekeep asks the operating system what time it is.

Wall time says when something is due for a person; boot time (CLOCK_BOOTTIME: it counts suspended time, and no one can
set it) says how long something has lasted on this boot.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """What time it is, and how to wait."""

    def wall(self) -> float:
        """Seconds since 1970, UTC. May jump."""

    def boot(self) -> float:
        """Seconds since this machine booted, suspended time included. Never goes back within one boot."""

    def boot_id(self) -> str:
        """Names this boot: `boot()` values of different boots cannot be compared."""

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of this clock."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time by both clocks (`telekeep.clock`)."""

    wall: float
    boot: float
    boot_id: str

    @classmethod
    def now(cls, clock: Clock) -> Moment:
        return cls(clock.wall(), clock.boot(), clock.boot_id())


def age(at: Moment, now: Moment) -> float:
    """How many seconds ago ``at`` was, as well as the two clocks can tell; never negative."""
    if at.boot_id == now.boot_id:
        return max(0.0, now.boot - at.boot)
    return max(now.boot, now.wall - at.wall, 0.0)


def rebased(at: Moment, now: Moment) -> Moment:
    """``at`` in terms of the present boot, so that later changes of the wall clock do not touch it."""
    if at.boot_id == now.boot_id:
        return at
    passed = age(at, now)
    return Moment(now.wall - passed, now.boot - passed, now.boot_id)


class SystemClock:
    """The machine's own clocks."""

    def wall(self) -> float:
        return time.time()

    def boot(self) -> float:
        return time.clock_gettime(_BOOT_CLOCK)

    def boot_id(self) -> str:
        return _boot_id() or f"boot-{round(time.time() - self.boot())}"  # other Unixes: the moment of the boot

    async def sleep(self, seconds: float) -> None:
        import asyncio  # here: `telekeep status` tells the time and never waits

        await asyncio.sleep(seconds)


@cache
def _boot_id() -> str | None:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class FileClock:
    """A clock that real processes read from one file, for tests that live through reboots and years.

    The file holds ``wall boot boot_id`` on one line. Honoured only on a network that has a control socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def _read(self) -> tuple[float, float, str]:
        wall, boot, boot_id = self._path.read_text().split()
        return float(wall), float(boot), boot_id

    def wall(self) -> float:
        return self._read()[0]

    def boot(self) -> float:
        return self._read()[1]

    def boot_id(self) -> str:
        return self._read()[2]

    async def sleep(self, seconds: float) -> None:
        import asyncio  # here: `telekeep status` tells the time and never waits

        end = self.boot() + seconds
        boot_id = self.boot_id()
        while self.boot_id() == boot_id and self.boot() < end:
            await asyncio.sleep(0.02)


def system_clock(*, test_allowed: bool = False) -> Clock:
    """The clock in force: the machine's, or TELEKEEP_TEST_CLOCK's file where ``test_allowed`` (emulator networks)."""
    path = os.environ.get("TELEKEEP_TEST_CLOCK")
    return FileClock(Path(path)) if path and test_allowed else SystemClock()
