"""What every kind of leases must do. Derive a test class from `LeasesContract` and give it a ``leases`` fixture::

    class TestMyLeases(LeasesContract):
        @pytest.fixture
        def leases(self) -> Leases:
            return MyLeases(...)

The fixture's leases must be empty, and of a clock that runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Timer

import pytest

from telekeep.clock import SystemClock
from telekeep.errors import LeaseLost, SessionBusy
from telekeep.lease import Lease, Leases, lease_name
from telekeep.lease.renewal import acquire, acquire_blocking

KEY = 0x1122334455667788
OTHER_KEY = 0x1122334455667789


class LeasesContract:
    """The contract, one rule per test. Every rule is one that two connections with one key would pay for."""

    def test_a_taken_lease_is_ours(self, leases: Leases) -> None:
        with _taken(leases) as lease:
            lease.check()
            assert lease.lost is None
            assert lease.auth_key_id == KEY

    def test_a_second_taker_is_told_who_has_it(self, leases: Leases) -> None:
        with _taken(leases, purpose="first") as lease:
            with pytest.raises(SessionBusy) as refused:
                leases.try_acquire(KEY)
            assert refused.value.holder == lease.holder
            assert refused.value.since == lease.holder.since
            assert str(lease.holder.pid) in str(refused.value)
            lease.check()

    def test_the_signed_spelling_of_a_key_id_is_the_same_lease(self, leases: Leases) -> None:
        with _taken(leases, 1 << 63), pytest.raises(SessionBusy):
            leases.try_acquire(-(1 << 63))

    def test_another_key_is_another_lease(self, leases: Leases) -> None:
        with _taken(leases), _taken(leases, OTHER_KEY) as other:
            other.check()

    def test_a_released_lease_can_be_taken_again(self, leases: Leases) -> None:
        with _taken(leases):
            pass
        with _taken(leases) as again:
            again.check()

    def test_a_released_lease_is_lost_and_stays_lost(self, leases: Leases) -> None:
        with _taken(leases) as first:
            first.release()
            with _taken(leases) as second:
                for _ in range(2):
                    with pytest.raises(LeaseLost) as lost:
                        first.check()
                    assert lost.value.reason == first.lost
                second.check()

    def test_releasing_twice_does_not_release_the_next_holders_lease(self, leases: Leases) -> None:
        with _taken(leases) as first:
            first.release()
            with _taken(leases) as second:
                first.release()
                second.check()
                with pytest.raises(SessionBusy):
                    leases.try_acquire(KEY)

    def test_the_holder_is_shown_while_it_holds_and_not_after(self, leases: Leases) -> None:
        name = lease_name(KEY)
        assert leases.holder(name) is None
        with _taken(leases, purpose="archive") as lease:
            assert leases.holder(name) == lease.holder
            assert lease.holder.purpose == "archive"
            assert lease.holder.fence == lease.fence
        assert leases.holder(name) is None

    def test_every_fence_is_greater_than_the_last(self, leases: Leases) -> None:
        fences = []
        for _ in range(5):
            with _taken(leases) as lease:
                fences.append(lease.fence)
        assert fences == sorted(set(fences))

    def test_a_fence_is_greater_than_the_floor_and_stays_so(self, leases: Leases) -> None:
        floor = 1 << 50  # far ahead of any clock in milliseconds
        with _taken(leases, floor=floor) as lease:
            assert lease.fence == floor + 1
        with _taken(leases) as lease:
            assert lease.fence > floor + 1

    def test_of_many_threads_one_gets_it(self, leases: Leases) -> None:
        count = 8
        together = Barrier(count)

        def attempt(_: int) -> Lease | None:
            together.wait()
            try:
                return leases.try_acquire(KEY)
            except SessionBusy:
                return None

        with ThreadPoolExecutor(count) as threads:
            taken = [lease for lease in threads.map(attempt, range(count)) if lease]
        assert len(taken) == 1
        taken[0].check()
        taken[0].release()

    def test_who_waits_gets_it_when_it_is_freed(self, leases: Leases) -> None:
        with _taken(leases) as first:
            freeing = Timer(0.1, first.release)
            freeing.start()
            second = acquire_blocking(leases, KEY, timeout=30, clock=SystemClock())
            freeing.join()
        second.check()
        second.release()

    async def test_who_awaits_gets_it_when_it_is_freed(self, leases: Leases) -> None:
        with _taken(leases) as first:
            freeing = Timer(0.1, first.release)
            freeing.start()
            second = await acquire(leases, KEY, timeout=30, clock=SystemClock())
            freeing.join()
        second.check()
        second.release()

    def test_who_waits_in_vain_is_told_who_has_it(self, leases: Leases) -> None:
        with _taken(leases) as lease:
            with pytest.raises(SessionBusy) as refused:
                acquire_blocking(leases, KEY, timeout=0.1, clock=SystemClock())
            assert refused.value.holder == lease.holder
            lease.check()


@contextmanager
def _taken(leases: Leases, key: int = KEY, *, floor: int = 0, purpose: str | None = None) -> Iterator[Lease]:
    lease = leases.try_acquire(key, floor=floor, purpose=purpose)
    try:
        yield lease
    finally:
        lease.release()
