"""Asking who holds a lease costs little and disturbs nobody."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lease.programs import KEY, Program
from telekeep.lease import lease_name, probe
from telekeep.lease.local import LocalLeases

NAME = lease_name(KEY)


def test_a_lease_of_another_process_is_seen(folder: Path, holding: Program) -> None:
    found = probe.holder(folder, NAME)
    assert found
    assert found.pid == holding.pid
    assert probe.is_held(folder, NAME)
    assert list(probe.holders(folder, [lease_name(1), NAME])) == [NAME]


def test_a_lease_that_was_held_is_not_taken_for_held(folder: Path, leases: LocalLeases, holding: Program) -> None:
    """002-F3: the mere existence of a lock file was taken for a conflict."""
    holding.kill()
    assert not probe.is_held(folder, NAME)
    assert probe.holders(folder, [NAME]) == {}


def test_an_acquirer_is_never_refused_because_someone_asks(folder: Path, leases: LocalLeases) -> None:
    leases.try_acquire(KEY).release()
    over = threading.Event()
    asked = [0]

    def ask() -> None:
        while not over.is_set():
            probe.is_held(folder, NAME)
            asked[0] += 1

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        taken = 0
        while taken < 200 or (asked[0] <= 50 and asking.is_alive()):
            leases.try_acquire(KEY).release()
            taken += 1
    finally:
        over.set()
        asking.join()
    assert asked[0] > 50


def test_asking_takes_no_lock(folder: Path, leases: LocalLeases, monkeypatch: pytest.MonkeyPatch) -> None:
    leases.try_acquire(KEY).release()

    def flock(*_: object) -> None:
        raise AssertionError("a probe took the lock")

    monkeypatch.setattr("fcntl.flock", flock)
    assert not probe.is_held(folder, NAME)


def test_a_probe_loads_nothing_heavy() -> None:
    """`telekeep status` asks for every session it lists."""
    script = (
        "import sys, telekeep.lease.probe, telekeep.lease.local\n"
        "heavy = {'asyncio', 'filelock', 'psutil', 'telethon', 'cryptography', 'random', 'socket'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == ""
