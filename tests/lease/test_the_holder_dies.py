"""The kernel gives the lease back when its holder is gone, and not before."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lease.programs import HOLD, KEY, Program
from telekeep.clock import SystemClock
from telekeep.errors import SessionBusy
from telekeep.lease import lease_name
from telekeep.lease.holder import fate
from telekeep.lease.local import LocalLeases
from telekeep.lease.record import encode


def test_another_process_is_refused_and_told_pid_command_and_since(leases: LocalLeases, holding: Program) -> None:
    with pytest.raises(SessionBusy) as refused:
        leases.try_acquire(KEY)
    holder = refused.value.holder
    assert holder.pid == holding.pid
    assert "-c" in holder.command
    assert refused.value.since == holder.since
    assert f"process {holding.pid}" in str(refused.value)
    assert f"kill {holding.pid}" in str(refused.value.remedy)


def test_kill_9_frees_the_lease_at_once(leases: LocalLeases, holding: Program) -> None:
    """002-F3: the file is still there, and means nothing."""
    fence = leases.holder(lease_name(KEY)).fence  # type: ignore[union-attr]  # held: the fixture saw to it
    holding.kill()
    assert leases.holder(lease_name(KEY)) is None
    lease = leases.try_acquire(KEY)
    assert lease.fence > fence
    lease.release()


def test_a_stopped_holder_still_holds(leases: LocalLeases, holding: Program) -> None:
    """Not to answer is not to be dead."""
    os.kill(holding.pid, signal.SIGSTOP)
    with pytest.raises(SessionBusy):
        leases.try_acquire(KEY)
    os.kill(holding.pid, signal.SIGCONT)
    assert holding.ask() == "ours"


def test_a_holder_that_ends_without_releasing_frees_the_lease(
    run: Callable[..., Program], folder: Path, leases: LocalLeases
) -> None:
    program = run(HOLD, folder, KEY)
    program.line()
    program.process.communicate()  # its standard input ends, and so does it
    leases.try_acquire(KEY).release()


def test_a_file_that_names_a_living_process_does_not_hold_the_lease(leases: LocalLeases, folder: Path) -> None:
    """000-F3: the holder died and its pid belongs to someone else now (here: to init). Free is free."""
    lease = leases.try_acquire(KEY)
    lease.release()
    (folder / f"{lease_name(KEY)}.lease").write_bytes(encode(replace(lease.holder, pid=1)))
    assert leases.holder(lease_name(KEY)) is None
    leases.try_acquire(KEY).release()


def test_a_reused_pid_is_not_taken_for_the_holder(leases: LocalLeases) -> None:
    """000-F3: a pid alone is no identity; the time the process started belongs to it."""
    clock = SystemClock()
    lease = leases.try_acquire(KEY)
    assert fate(lease.holder, clock=clock) == "running"
    assert fate(replace(lease.holder, created=lease.holder.created - 60), clock=clock) == "gone"
    lease.release()


def test_a_dead_holder_is_proved_gone(leases: LocalLeases, holding: Program) -> None:
    holder = leases.holder(lease_name(KEY))
    assert holder
    assert fate(holder, clock=SystemClock()) == "running"
    holding.kill()
    assert fate(holder, clock=SystemClock()) == "gone"


@pytest.mark.parametrize("elsewhere", [{"host": "another"}, {"boot_id": "another"}, {"pid_namespace": "pid:[1]"}])
def test_a_holder_of_another_world_is_unknown_and_never_gone(
    leases: LocalLeases, holding: Program, elsewhere: dict[str, str]
) -> None:
    holder = leases.holder(lease_name(KEY))
    assert holder
    holding.kill()
    assert fate(replace(holder, **elsewhere), clock=SystemClock()) == "unknown"  # type: ignore[arg-type]  # all str
