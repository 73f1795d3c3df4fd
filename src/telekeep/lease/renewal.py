"""Waiting for a lease. The only place of this room that waits.

Whoever waits asks again every 50 to 500 ms, further apart the longer it takes, and never in step with another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from telekeep.errors import SessionBusy
from telekeep.lease.busy import busy

if TYPE_CHECKING:
    from telekeep.clock import Clock
    from telekeep.lease.lease import Lease, Leases

TIMEOUT = 30.0
"""Seconds that a lease is waited for, unless told otherwise."""

_FIRST, _LONGEST, _GROWTH = 0.05, 0.5, 1.5


async def acquire(
    leases: Leases,
    auth_key_id: int,
    *,
    timeout: float = TIMEOUT,
    clock: Clock,
    floor: int = 0,
    purpose: str | None = None,
    durable: bool = True,
) -> Lease:
    """Take the lease on a key as soon as it is free, waiting at most ``timeout`` seconds of the boot clock.

    ``timeout=0`` tries once. Raises SessionBusy, with whoever has it by then; whatever else `Leases.try_acquire` raises
    comes at once.
    """
    wait = _Wait(timeout, clock)
    while True:
        try:
            return leases.try_acquire(auth_key_id, floor=floor, purpose=purpose, durable=durable)
        except SessionBusy as refused:
            pause = wait.pause_after(refused)
        await clock.sleep(pause)


def acquire_blocking(
    leases: Leases,
    auth_key_id: int,
    *,
    timeout: float = TIMEOUT,
    clock: Clock,
    floor: int = 0,
    purpose: str | None = None,
) -> Lease:
    """`acquire` for programs without an event loop: the thread sleeps."""
    from time import sleep

    wait = _Wait(timeout, clock)
    while True:
        try:
            return leases.try_acquire(auth_key_id, floor=floor, purpose=purpose)
        except SessionBusy as refused:
            pause = wait.pause_after(refused)
        sleep(pause)


class _Wait:
    """How long to pause after each refusal, until the time is over."""

    def __init__(self, timeout: float, clock: Clock) -> None:
        self._clock = clock
        self._timeout = timeout
        self._start = clock.boot()
        self._pauses = pauses()

    def pause_after(self, refused: SessionBusy) -> float:
        """Seconds until the next attempt. Raises ``refused``, with the time waited, when there is none."""
        waited = self._clock.boot() - self._start
        if waited >= self._timeout:
            last = busy(refused.holder, clock=self._clock, waited=waited) if self._timeout > 0 else refused
            raise last from None  # it says all that the first refusal said
        return min(next(self._pauses), self._timeout - waited)


def pauses() -> Iterator[float]:
    """Seconds between attempts: 50 ms, then half as long again each time up to 500 ms, less up to a quarter."""
    from random import uniform

    pause = _FIRST
    while True:
        yield max(_FIRST, pause * uniform(0.75, 1.0))
        pause = min(pause * _GROWTH, _LONGEST)
