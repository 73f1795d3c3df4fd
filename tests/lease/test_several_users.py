"""Users of one machine see each other's leases. Needs root, to be somebody else for a moment."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lease.programs import KEY, in_a_child
from telekeep.clock import SystemClock
from telekeep.errors import ConfigError
from telekeep.lease import lease_name
from telekeep.lease.folder import make_ready
from telekeep.lease.local import LocalLeases

NOBODY = 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder as /run/lock is: for everybody, and sticky."""
    base = Path(tempfile.mkdtemp())
    base.chmod(0o1777)
    yield base / "telekeep"
    shutil.rmtree(base)


def acquire_as_nobody(folder: Path) -> str:
    def attempt() -> str:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        make_ready(folder, for_everybody=True)
        return str(LocalLeases(folder, clock=SystemClock()).try_acquire(KEY).holder.user)

    return in_a_child(attempt)


def test_another_users_lease_is_held_for_us_and_free_afterwards(shared: Path) -> None:
    make_ready(shared, for_everybody=True)
    umask = os.umask(0o077)
    try:
        lease = LocalLeases(shared, clock=SystemClock()).try_acquire(KEY)
    finally:
        os.umask(umask)
    refused = acquire_as_nobody(shared)
    assert refused.startswith("SessionBusy")
    assert str(os.getpid()) in refused or "already" in refused
    lease.release()
    assert not acquire_as_nobody(shared).startswith("SessionBusy")


def test_we_can_take_what_another_user_has_left(shared: Path) -> None:
    """fs.protected_regular: in a sticky folder even root must not open another's file with O_CREAT."""
    make_ready(shared, for_everybody=True)
    acquire_as_nobody(shared)
    file = shared / f"{lease_name(KEY)}.lease"
    assert file.stat().st_uid == NOBODY
    LocalLeases(shared, clock=SystemClock()).try_acquire(KEY).release()


def test_a_file_that_we_may_not_open_counts_as_held(shared: Path) -> None:
    make_ready(shared, for_everybody=True)
    LocalLeases(shared, clock=SystemClock()).try_acquire(KEY).release()
    (shared / f"{lease_name(KEY)}.lease").chmod(0o600)
    assert acquire_as_nobody(shared).startswith("SessionBusy: This session counts as held")


def test_a_folder_of_another_user_is_refused(shared: Path) -> None:
    shared.mkdir()
    shared.chmod(0o1777)
    os.chown(shared, NOBODY - 1, NOBODY - 1)
    assert "belongs to another user" in acquire_as_nobody(shared)


def test_root_makes_another_users_folder_its_own_so_that_all_can_use_it(shared: Path) -> None:
    shared.mkdir()
    shared.chmod(0o1777)
    os.chown(shared, NOBODY - 1, NOBODY - 1)
    make_ready(shared, for_everybody=True)
    found = shared.stat()
    assert (found.st_uid, found.st_mode & 0o7777) == (0, 0o1777)
    assert not acquire_as_nobody(shared).startswith("ConfigError")


def test_a_folder_of_root_that_not_all_can_use_is_refused(shared: Path) -> None:
    shared.mkdir(mode=0o755)
    with_reason = acquire_as_nobody(shared)
    assert with_reason.startswith(ConfigError.__name__)
    assert "0755" in with_reason
