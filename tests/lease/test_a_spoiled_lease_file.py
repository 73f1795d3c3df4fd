"""Whatever lies where a lease file should: never two holders, never a crash, never a write elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lease.programs import HOLD, KEY, Program
from telekeep.errors import LeaseLost, SessionBusy
from telekeep.lease import lease_name
from telekeep.lease.local import LocalLeases


@pytest.fixture
def file(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder / f"{lease_name(KEY)}.lease"


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage", b"\0" * 2048, b"9" * 20 + b"\n{}", b"00000000000000000007\n" + b"[" * 2000, b"x" * 1_000_000],
    ids=["empty", "garbage", "zeros", "endless fence", "deep", "huge"],
)
def test_a_spoiled_file_is_free_and_is_mended_by_the_next_holder(
    leases: LocalLeases, file: Path, content: bytes
) -> None:
    file.write_bytes(content)
    assert leases.holder(lease_name(KEY)) is None
    lease = leases.try_acquire(KEY)
    lease.check()
    assert leases.holder(lease_name(KEY)) == lease.holder
    assert lease.fence < 1 << 62
    lease.release()


def test_a_held_file_without_a_readable_face_is_still_held(leases: LocalLeases, file: Path, holding: Program) -> None:
    with file.open("r+b") as spoiled:
        spoiled.seek(30)
        spoiled.write(b"\xff" * 100)
    holder = leases.holder(lease_name(KEY))
    assert holder
    assert not holder.is_known
    with pytest.raises(SessionBusy, match="held by another process"):
        leases.try_acquire(KEY)


def test_what_others_write_into_the_file_cannot_work_a_terminal(
    leases: LocalLeases, file: Path, holding: Program
) -> None:
    file.write_bytes(file.read_bytes().replace(b"python", rb"\u001b[2J\n"))
    with pytest.raises(SessionBusy) as refused:
        leases.try_acquire(KEY)
    assert refused.value.holder.is_known
    assert str(refused.value).isprintable()


def test_who_overwrites_the_fence_ends_the_lease_and_cannot_share_it(
    leases: LocalLeases, file: Path, holding: Program
) -> None:
    with file.open("r+b") as spoiled:
        spoiled.write(b"%020d\n" % 5)
    assert holding.ask() == "LeaseLost"
    with pytest.raises(SessionBusy):
        leases.try_acquire(KEY)


def test_a_deleted_file_ends_the_lease_before_another_begins(
    leases: LocalLeases, file: Path, run: Callable[..., Program], folder: Path, holding: Program
) -> None:
    """002-F4: a lock file deleted by someone let a second process lock the new one, and both believed to hold it."""
    assert holding.ask() == "ours"
    file.unlink()
    assert holding.ask() == "LeaseLost"
    second = run(HOLD, folder, KEY)
    assert second.line().isdigit()
    assert [holding.ask(), second.ask()] == ["LeaseLost", "ours"]


def test_a_file_deleted_unnoticed_leaves_one_of_two_holders(
    file: Path, run: Callable[..., Program], folder: Path, holding: Program
) -> None:
    """002-F4, and the first holder was asleep while the second came."""
    file.unlink()
    second = run(HOLD, folder, KEY)
    assert second.line().isdigit()
    assert [holding.ask(), second.ask()] == ["LeaseLost", "ours"]


def test_a_file_that_is_moved_back_does_not_revive_the_lease(leases: LocalLeases, file: Path) -> None:
    lease = leases.try_acquire(KEY)
    aside = file.with_suffix(".aside")
    file.rename(aside)
    with pytest.raises(LeaseLost) as lost:
        lease.check()
    aside.rename(file)
    with pytest.raises(LeaseLost) as again:
        lease.check()
    assert again.value.reason == lost.value.reason == lease.lost
    lease.release()


def test_a_file_replaced_while_it_is_being_locked_is_not_taken(
    leases: LocalLeases, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock on a file that lost its name guards nothing; the claim must start again with the file of that name."""
    from telekeep.lease import local

    sign = local._Claim._sign
    swapped: list[bool] = []

    def sign_late(claim: local._Claim, descriptor: int) -> None:
        if not swapped:
            file.rename(file.with_suffix(".aside"))
            file.touch()
            swapped.append(True)
        sign(claim, descriptor)

    monkeypatch.setattr(local._Claim, "_sign", sign_late)
    lease = leases.try_acquire(KEY)
    assert swapped
    lease.check()
    assert leases.holder(lease_name(KEY)) == lease.holder
    assert file.read_bytes()
    lease.release()


def _link(file: Path) -> None:
    file.symlink_to(file.parent.parent / "precious")


def _dangling(file: Path) -> None:
    file.symlink_to(file.parent.parent / "nowhere")


def _second_name(file: Path) -> None:
    file.hardlink_to(file.parent.parent / "precious")


def _pipe(file: Path) -> None:
    os.mkfifo(file)


def _directory(file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize("plant", [_link, _dangling, _second_name, _pipe, _directory])
def test_a_planted_file_counts_as_held_and_nothing_is_written_through_it(
    leases: LocalLeases, file: Path, tmp_path: Path, plant: Callable[[Path], None]
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    plant(file)
    with pytest.raises(SessionBusy) as refused:
        leases.try_acquire(KEY)
    assert str(file) in str(refused.value.remedy)
    assert leases.holder(lease_name(KEY)) is not None
    assert precious.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()
