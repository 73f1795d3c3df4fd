"""Eight processes fight for one lease and are killed at random; a judge of other descent watches."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lease.programs import KEY, Program
from telekeep.lease.local import LocalLeases

# The judge is a POSIX record lock (fcntl.lockf) on a file of its own: other code, another kind of lock. Its descriptor
# is opened first, so that the kernel drops it before the lease's when the process is killed.
FIGHT = """
import fcntl, os, random, sys, time
from pathlib import Path
judge = os.open(sys.argv[3], os.O_RDWR | os.O_CREAT, 0o600)
book = os.open(sys.argv[4], os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
from telekeep.clock import SystemClock
from telekeep.lease.local import LocalLeases
from telekeep.lease.renewal import acquire_blocking
leases = LocalLeases(Path(sys.argv[1]), clock=SystemClock())
while True:
    lease = acquire_blocking(leases, int(sys.argv[2]), timeout=600, clock=SystemClock())
    try:
        fcntl.lockf(judge, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.write(book, b"two held at once\\n")
    os.write(book, b"%d\\n" % lease.fence)
    for _ in range(random.randrange(20)):
        lease.check()
        time.sleep(0.0005)
    fcntl.lockf(judge, fcntl.LOCK_UN)
    lease.release()
"""


@pytest.mark.storm
def test_never_two_hold_and_fences_strictly_grow_while_holders_are_killed(
    run: Callable[..., Program], folder: Path, tmp_path: Path, leases: LocalLeases
) -> None:
    judge, book = tmp_path / "judge", tmp_path / "book"
    seconds = 60 if os.environ.get("TELEKEEP_STORM") else 4
    chance = random.Random()
    fighters = [run(FIGHT, folder, KEY, judge, book) for _ in range(8)]
    killed = written = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end or written <= 50 or killed <= 5:
        time.sleep(chance.uniform(0.05, 0.3))
        assert all(each.process.poll() is None for each in fighters), "a fighter ended by itself"
        before, written = written, book.read_bytes().count(b"\n") if book.exists() else 0
        if written == before:
            continue  # on a busy machine they take long to begin; killed before that, none of them would ever fight
        victim = chance.randrange(len(fighters))
        fighters[victim].kill()
        fighters[victim] = run(FIGHT, folder, KEY, judge, book)
        killed += 1
    for fighter in fighters:
        fighter.kill()
    lines = book.read_text().splitlines()
    assert "two held at once" not in lines
    fences = [int(line) for line in lines]
    assert fences == sorted(set(fences))
    assert len(fences) > 50
    assert killed > 5
    lease = leases.try_acquire(KEY)
    assert lease.fence > fences[-1]
    lease.release()
