"""A lease belongs to the process that took it: not to its children, however they came about (002-F5)."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lease.programs import KEY, Program, in_a_child
from telekeep.clock import SystemClock
from telekeep.errors import LeaseLost, SessionBusy
from telekeep.lease import lease_name
from telekeep.lease.local import LocalLeases
from telekeep.lease.memory import MemoryLeases
from telekeep.lease.renewal import acquire_blocking


def said(what: Callable[[], object]) -> str:
    return str(what())


def test_a_forked_child_does_not_have_its_parents_lease(leases: LocalLeases) -> None:
    lease = leases.try_acquire(KEY)
    answer = in_a_child(lambda: said(lease.check))
    assert answer.startswith("LeaseLost")
    assert "child process" in answer
    lease.check()
    lease.release()


def test_a_forked_child_cannot_give_its_parents_lease_back(leases: LocalLeases) -> None:
    lease = leases.try_acquire(KEY)
    in_a_child(lambda: said(lease.release))
    lease.check()
    holder = leases.holder(lease_name(KEY))
    assert holder
    assert holder.is_this_process
    lease.release()


def test_a_forked_child_that_releases_its_parents_lease_does_not_spoil_its_own(leases: LocalLeases) -> None:
    """Its own lease file got the descriptor number that the parent's has in the parent."""
    lease = leases.try_acquire(KEY)

    def other_lease() -> str:
        other = leases.try_acquire(KEY + 1)
        lease.release()
        other.check()
        return str(leases.holder(lease_name(KEY + 1)) == other.holder)

    assert in_a_child(other_lease) == "True"
    lease.release()


def test_a_release_counts_even_where_a_copy_of_the_descriptor_lives_on(leases: LocalLeases, folder: Path) -> None:
    """A child that C code forked, without Python's hooks, has such a copy."""
    lease = leases.try_acquire(KEY)
    file = folder / f"{lease_name(KEY)}.lease"
    [number] = [int(entry.name) for entry in Path("/proc/self/fd").iterdir() if entry.resolve() == file]
    copy = os.dup(number)
    try:
        lease.release()
        assert leases.holder(lease_name(KEY)) is None
        leases.try_acquire(KEY).release()
    finally:
        os.close(copy)


def test_a_forked_child_is_refused_its_parents_lease(leases: LocalLeases) -> None:
    lease = leases.try_acquire(KEY)
    assert in_a_child(lambda: str(leases.try_acquire(KEY))).startswith("SessionBusy")
    lease.release()


def test_a_forked_child_signs_with_its_own_pid(leases: LocalLeases) -> None:
    leases.try_acquire(KEY).release()
    assert in_a_child(lambda: str(leases.try_acquire(KEY).holder.pid)) != str(os.getpid())


def test_a_memory_lease_is_lost_in_a_forked_child_too() -> None:
    lease = MemoryLeases(clock=SystemClock()).try_acquire(KEY)
    assert in_a_child(lambda: said(lease.check)).startswith("LeaseLost")
    lease.check()


FORK_AND_HOLD = """
import os, sys, time
from pathlib import Path
from telekeep.clock import SystemClock
from telekeep.lease.local import LocalLeases
lease = LocalLeases(Path(sys.argv[1]), clock=SystemClock()).try_acquire(int(sys.argv[2]))
if sys.argv[3] == "fork":
    child = os.fork()
    if child == 0:
        time.sleep(60)
elif sys.argv[3] == "multiprocessing":
    import multiprocessing
    worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    worker.start()
    child = worker.pid
else:
    import subprocess
    child = subprocess.Popen(["sleep", "60"], close_fds=False).pid
print(child, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["fork", "multiprocessing", "a program with every descriptor left open"])
def test_a_child_that_outlives_the_holder_does_not_keep_the_lease(
    run: Callable[..., Program], folder: Path, leases: LocalLeases, how: str
) -> None:
    holder = run(FORK_AND_HOLD, folder, KEY, how)
    child = int(holder.line())
    try:
        holder.process.kill()
        holder.process.wait()
        # A child that was forked this moment closes its copy as soon as it runs: no later.
        acquire_blocking(leases, KEY, timeout=30, clock=SystemClock()).release()
        os.kill(child, 0)  # and it lives
    finally:
        os.kill(child, 9)


def test_a_living_child_does_not_keep_a_released_lease(leases: LocalLeases) -> None:
    lease = leases.try_acquire(KEY)
    child = multiprocessing.get_context("fork").Process(target=os.read, args=(os.pipe()[0], 1))
    child.start()
    try:
        lease.release()
        leases.try_acquire(KEY).release()
    finally:
        child.kill()
        child.join()


def test_a_program_that_is_started_inherits_no_lease_file(leases: LocalLeases, folder: Path) -> None:
    lease = leases.try_acquire(KEY)
    seen = subprocess.run(["ls", "-l", "/proc/self/fd"], close_fds=False, capture_output=True, text=True, check=True)
    assert str(folder) not in seen.stdout
    lease.release()


def test_closing_another_descriptor_of_the_file_does_not_free_the_lease(leases: LocalLeases, folder: Path) -> None:
    """002-F5: with POSIX locks, closing any descriptor of the file dropped the lock."""
    lease = leases.try_acquire(KEY)
    (folder / f"{lease_name(KEY)}.lease").read_bytes()
    leases.holder(lease_name(KEY))
    assert in_a_child(lambda: str(leases.try_acquire(KEY))).startswith("SessionBusy")
    lease.check()
    lease.release()
    with pytest.raises(LeaseLost):
        lease.check()


def test_one_process_does_not_get_a_key_twice(leases: LocalLeases, folder: Path) -> None:
    """002-F5: with POSIX locks one process got it twice."""
    lease = leases.try_acquire(KEY)
    with pytest.raises(SessionBusy, match="This program holds the session already"):
        LocalLeases(folder, clock=SystemClock()).try_acquire(KEY)
    lease.release()
