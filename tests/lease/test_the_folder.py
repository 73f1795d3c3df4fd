"""Two programs come to the same folder, whoever starts them, and rely on it only if it can be relied upon."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from telekeep.clock import SystemClock
from telekeep.errors import ConfigError, StorageUnavailable
from telekeep.lease import lease_name
from telekeep.lease.folder import filesystem_of, lease_folder, machine_folder, make_ready, refuse_network
from telekeep.lease.local import LocalLeases

KEY = 7


@pytest.fixture
def run_lock(tmp_path: Path) -> Path:
    path = tmp_path / "lock"
    path.mkdir()
    path.chmod(0o1777)
    return path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make root's folder")
def test_it_lies_under_run_lock_where_everybody_may_write_there(run_lock: Path, tmp_path: Path) -> None:
    assert machine_folder(run_lock, tmp_path) == run_lock / "telekeep"


@pytest.mark.parametrize("mode", [0o755, 0o1755, 0o777])
def test_where_run_lock_is_not_for_all_it_lies_under_tmp_for_root_as_well(
    run_lock: Path, tmp_path: Path, mode: int
) -> None:
    """Root could write to /run/lock, but would be alone there."""
    run_lock.chmod(mode)
    assert machine_folder(run_lock, tmp_path) == tmp_path / "telekeep-leases"


def test_a_run_lock_that_is_a_link_is_not_used(run_lock: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(run_lock)
    assert machine_folder(link, tmp_path) == tmp_path / "telekeep-leases"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody who is not known")
def test_inside_of_a_user_namespace_it_is_the_same_folder(run_lock: Path, tmp_path: Path) -> None:
    """What belongs to root outside looks like nobody's there: another folder would make two holders."""
    os.chown(run_lock, int(Path("/proc/sys/kernel/overflowuid").read_text()), -1)
    assert machine_folder(run_lock, tmp_path) == run_lock / "telekeep"
    os.chown(run_lock, 1234, -1)
    assert machine_folder(run_lock, tmp_path) == tmp_path / "telekeep-leases"


@pytest.mark.parametrize("moved", ["leases", "./leases", "~nobody-at-all/leases"])
def test_a_variable_that_means_another_folder_in_each_program_is_refused(
    monkeypatch: pytest.MonkeyPatch, moved: str
) -> None:
    monkeypatch.setenv("TELEKEEP_LEASES", moved)
    with pytest.raises(ConfigError, match="TELEKEEP_LEASES"):
        LocalLeases(clock=SystemClock())


def test_home_and_temporary_folder_have_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """002-F2: one key is one lease, whatever the home."""
    monkeypatch.delenv("TELEKEEP_LEASES", raising=False)
    before = lease_folder()
    for variable in ("HOME", "TMPDIR", "XDG_RUNTIME_DIR", "TELEKEEP_HOME", "TELEKEEP_STATE"):
        monkeypatch.setenv(variable, "/elsewhere")
    assert lease_folder() == before


def test_a_variable_moves_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TELEKEEP_LEASES", str(tmp_path / "moved"))
    leases = LocalLeases(clock=SystemClock())
    leases.try_acquire(KEY).release()
    assert [file.suffix for file in (tmp_path / "moved").iterdir()] == [".lease"]


def test_asking_makes_nothing(tmp_path: Path) -> None:
    assert LocalLeases(tmp_path / "leases", clock=SystemClock()).holder("0" * 32) is None
    assert not (tmp_path / "leases").exists()


def test_it_is_made_sticky_and_for_everybody_whatever_the_umask(tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        make_ready(tmp_path / "leases", for_everybody=True)
    finally:
        os.umask(umask)
    assert (tmp_path / "leases").stat().st_mode & 0o7777 == 0o1777


@pytest.mark.parametrize("for_everybody", [True, False])
def test_a_link_is_never_followed(tmp_path: Path, for_everybody: bool) -> None:
    target = tmp_path / "target"
    target.mkdir()
    link = tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(ConfigError, match="is a link"):
        make_ready(link, for_everybody=for_everybody)
    assert not any(target.iterdir())


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "leases").touch()
    with pytest.raises(ConfigError, match="is no folder"):
        make_ready(tmp_path / "leases", for_everybody=True)


def test_a_chosen_folder_that_others_may_empty_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "leases"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(ConfigError, match="mode 0777") as refused:
        LocalLeases(folder, clock=SystemClock()).try_acquire(KEY)
    assert "chmod 1777" in str(refused.value.remedy)


MOUNTS = rb"""/dev/sda1 / ext4 rw 0 0
tmpfs /run tmpfs rw 0 0
server:/export /mnt/net nfs4 rw 0 0
sshfs#host: /home/a\040user fuse.sshfs rw 0 0
tmpfs /mnt/net/over tmpfs rw 0 0
//host/share /mnt/twice cifs rw 0 0
/dev/sdb1 /mnt/twice xfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (b"/tmp/telekeep-leases", "ext4"),
        (b"/run/lock/telekeep", "tmpfs"),
        (b"/mnt/net/leases", "nfs4"),
        (b"/mnt/network", "ext4"),
        (b"/mnt/net/over/leases", "tmpfs"),
        (b"/home/a user/leases", "fuse.sshfs"),
        (b"/mnt/twice/leases", "xfs"),
        (b"/", "ext4"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(path: bytes, kind: str) -> None:
    assert filesystem_of(path, MOUNTS) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuse", "9p", "ceph", "virtiofs"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    """002-F6: flock does not reach other machines."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nsomewhere {tmp_path} {kind} rw 0 0\n")
    with pytest.raises(ConfigError, match="network file system"):
        refuse_network(tmp_path, mounts=mounts)


@pytest.mark.parametrize("kind", ["ext4", "tmpfs", "overlay", "btrfs", "zfs"])
def test_a_file_system_of_this_machine_is_not(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"something {tmp_path} {kind} rw 0 0\n")
    refuse_network(tmp_path, mounts=mounts)


def test_an_acquirer_asks_for_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise ConfigError("network")

    monkeypatch.setattr("telekeep.lease.local.refuse_network", refuse)
    with pytest.raises(ConfigError, match="network"):
        LocalLeases(tmp_path / "leases", clock=SystemClock()).try_acquire(KEY)


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_lease_that_cannot_be_written_to_disk_is_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    def sync(descriptor: int) -> None:
        raise OSError(reason, os.strerror(reason))

    leases = LocalLeases(tmp_path / "leases", clock=SystemClock())
    with monkeypatch.context() as failing:
        failing.setattr("telekeep.lease.local._sync", sync)
        with pytest.raises(StorageUnavailable, match=os.strerror(reason)):
            leases.try_acquire(KEY)
    assert leases.holder(lease_name(KEY)) is None
    leases.try_acquire(KEY).release()
