"""Waiting for a lease: as long as asked, by the clock handed in, and no longer."""

from __future__ import annotations

from itertools import islice
from traceback import format_exception

import pytest

from telekeep.clock import SystemClock
from telekeep.errors import ConfigError, SessionBusy
from telekeep.lease import Holder, Lease
from telekeep.lease.memory import MemoryLeases
from telekeep.lease.renewal import TIMEOUT, acquire, acquire_blocking, pauses

KEY = 3


class Stopped(SystemClock):
    """A clock that moves only when someone sleeps by it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def boot(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Counting(MemoryLeases):
    """Leases that count the attempts."""

    attempts = 0

    def try_acquire(self, *arguments: object, **more: object) -> Lease:  # type: ignore[override]  # passes all on
        self.attempts += 1
        return super().try_acquire(*arguments, **more)  # type: ignore[arg-type]  # as they came


@pytest.fixture
def clock() -> Stopped:
    return Stopped()


@pytest.fixture
def leases(clock: Stopped) -> Counting:
    return Counting(clock=clock)


@pytest.mark.parametrize("timeout", [0.0, 1.0])
async def test_who_is_refused_reads_one_error_and_not_two(leases: Counting, clock: Stopped, timeout: float) -> None:
    leases.try_acquire(KEY)
    with pytest.raises(SessionBusy) as caught:
        await acquire(leases, KEY, clock=clock, timeout=timeout)
    with pytest.raises(SessionBusy) as blocked:
        acquire_blocking(leases, KEY, clock=clock, timeout=0.0)
    for error in (caught.value, blocked.value):
        shown = "".join(format_exception(error))
        assert "During handling" not in shown and shown.count("SessionBusy: ") == 1


async def test_a_free_lease_is_had_at_once(leases: Counting, clock: Stopped) -> None:
    await acquire(leases, KEY, clock=clock)
    assert clock.slept == []


async def test_the_wait_ends_with_the_timeout_and_not_sooner(leases: Counting, clock: Stopped) -> None:
    """002-5: 30 seconds unless told otherwise."""
    leases.try_acquire(KEY)
    with pytest.raises(SessionBusy, match="Waited 30 s"):
        await acquire(leases, KEY, clock=clock)
    assert TIMEOUT == 30
    assert sum(clock.slept) == pytest.approx(30)
    assert 60 <= leases.attempts <= 120


async def test_a_timeout_of_zero_tries_once(leases: Counting, clock: Stopped) -> None:
    leases.try_acquire(KEY)
    leases.attempts = 0
    with pytest.raises(SessionBusy) as refused:
        await acquire(leases, KEY, timeout=0, clock=clock)
    assert leases.attempts == 1
    assert "Waited" not in str(refused.value)


async def test_a_lease_freed_at_the_last_moment_is_still_had(leases: Counting, clock: Stopped) -> None:
    held = leases.try_acquire(KEY)

    class FreeingClock(Stopped):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if self.now >= 1010:
                held.release()

    freeing = FreeingClock()
    lease = await acquire(leases, KEY, timeout=10, clock=freeing)
    assert freeing.now == pytest.approx(1010)
    lease.check()


async def test_the_one_who_is_named_is_the_last_to_have_it(clock: Stopped) -> None:
    leases = MemoryLeases(clock=clock)
    held = [leases.try_acquire(KEY, purpose="first")]

    class HandingOn(Stopped):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if len(held) == 1:
                held[0].release()
                held.append(leases.try_acquire(KEY, purpose="second"))

    with pytest.raises(SessionBusy) as refused:
        await acquire(leases, KEY, timeout=5, clock=HandingOn())
    holder: Holder = refused.value.holder
    assert holder.purpose == "second"


async def test_what_waiting_cannot_mend_is_raised_at_once(clock: Stopped) -> None:
    class Broken(MemoryLeases):
        def try_acquire(self, *arguments: object, **more: object) -> Lease:  # type: ignore[override]  # refuses all
            raise ConfigError("no folder")

    with pytest.raises(ConfigError):
        await acquire(Broken(clock=clock), KEY, clock=clock)
    assert clock.slept == []


async def test_floor_and_purpose_are_passed_on(leases: Counting, clock: Stopped) -> None:
    lease = await acquire(leases, KEY, clock=clock, floor=1 << 50, purpose="archive")
    assert (lease.fence, lease.holder.purpose) == ((1 << 50) + 1, "archive")


def test_pauses_grow_from_50_to_500_ms_and_differ_between_waiters() -> None:
    first, second = list(islice(pauses(), 20)), list(islice(pauses(), 20))
    assert all(0.05 <= pause <= 0.5 for pause in first)
    assert first[0] == 0.05
    assert min(first[10:]) > 0.3
    assert first != second
