"""The fencing token only grows, whatever happens to the file, the clock or the machine."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as some

from telekeep.clock import SystemClock
from telekeep.lease.fence import CEILING, next_fence
from telekeep.lease.local import LocalLeases

KEY = 11
tokens = some.integers(min_value=0, max_value=CEILING - 1)
times = some.floats(min_value=0, max_value=4e9)


class SetBack(SystemClock):
    """A clock that was set back to 1970."""

    def wall(self) -> float:
        return 1.0


@given(counter=tokens, wall=times, floor=tokens)
def test_it_is_greater_than_everything_before_it(counter: int, wall: float, floor: int) -> None:
    fence = next_fence(counter=counter, wall=wall, floor=floor)
    assert fence > counter
    assert fence > floor
    assert fence >= int(wall * 1000)


@given(counter=some.integers(min_value=CEILING), floor=tokens)
def test_a_counter_without_room_to_grow_is_not_believed(counter: int, floor: int) -> None:
    """Anyone may write to a lease file; the vault's SQLite counts to 2**63 - 1."""
    assert floor < next_fence(counter=counter, wall=0, floor=floor) <= CEILING


def test_a_clock_set_back_does_not_lower_it(folder: Path) -> None:
    first = LocalLeases(folder, clock=SystemClock()).try_acquire(KEY)
    first.release()
    second = LocalLeases(folder, clock=SetBack()).try_acquire(KEY)
    assert second.fence == first.fence + 1
    second.release()


def test_after_a_reboot_that_lost_the_file_the_clock_is_ahead_of_it(folder: Path) -> None:
    first = LocalLeases(folder, clock=SetBack()).try_acquire(KEY)
    first.release()
    next(folder.iterdir()).unlink()
    second = LocalLeases(folder, clock=SystemClock()).try_acquire(KEY)
    assert second.fence > first.fence
    second.release()


def test_after_a_reboot_with_a_clock_set_back_the_vaults_floor_holds_it_up(folder: Path) -> None:
    first = LocalLeases(folder, clock=SystemClock()).try_acquire(KEY)
    first.release()
    next(folder.iterdir()).unlink()
    second = LocalLeases(folder, clock=SetBack()).try_acquire(KEY, floor=first.fence)
    assert second.fence == first.fence + 1
    second.release()


def test_it_is_in_the_file_before_the_lease_is_given(leases: LocalLeases, folder: Path) -> None:
    lease = leases.try_acquire(KEY)
    assert int(next(folder.iterdir()).read_bytes().split(b"\n")[0]) == lease.fence
    lease.release()
