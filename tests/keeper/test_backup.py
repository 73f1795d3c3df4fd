"""Backups and restores of kept sessions: what they need, whom they ask, and that risky steps begin with one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keeper.conftest import keep
from telekeep.emulator import Emulator
from telekeep.errors import (
    BackupSealed,
    ConfigError,
    NothingToRestore,
    SessionBusy,
    SessionNotFound,
)
from telekeep.keeper import transfer
from telekeep.keeper.backup import back_up, back_up_first
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.probe import probe
from telekeep.keeper.restore import archives, choose, opened, restore
from telekeep.session.model import Session
from telekeep.vault.archive.retention import ASKED, Retention
from telekeep.vault.vault import Vault


def made(keeper: Keeper, *names: str) -> Path:
    return back_up(keeper, names or None, reason=ASKED).path


def reasons(keeper: Keeper) -> list[str]:
    return [each.header.reason for each in archives(keeper) if each.header]


def lose(keeper: Keeper) -> None:
    keeper.close()
    keeper.home.vault.rename(keeper.home.root / "lost")


async def test_a_backup_needs_neither_the_lease_nor_a_connection(
    keeper: Keeper, main: Session, telegram: Emulator
) -> None:
    lease = keeper.leases.try_acquire(main.auth_key.id)
    before = telegram.stats.connections
    found = opened(keeper, made(keeper, "main"))
    assert found.header.names == ("main",) and telegram.stats.connections == before
    lease.release()


async def test_what_was_lost_comes_back_and_telegram_accepts_it(
    keeper: Keeper, main: Session, telegram: Emulator
) -> None:
    path = made(keeper)
    lose(keeper)
    done = restore(keeper, opened(keeper, path))
    assert [entry.name for entry in done.entries] == ["main"] and done.before is None
    assert (await probe(keeper, "main")).state == "ok"
    assert keeper.vault.load("main").application == main.application


async def test_a_backup_of_a_key_that_telegram_has_ended_is_found_out_by_the_test(
    keeper: Keeper, main: Session, telegram: Emulator
) -> None:
    """002-F13: a restored backup is useful only while its key is still authorised."""
    path = made(keeper)
    lose(keeper)
    telegram.fault("revoke", phone="9996621234")
    restore(keeper, opened(keeper, path))
    assert (await probe(keeper, "main")).state == "needs_login"


def test_nothing_is_restored_while_somebody_speaks_with_a_key_of_it(keeper: Keeper, main: Session) -> None:
    archive = opened(keeper, made(keeper))
    other = replace(main, auth_key=type(main.auth_key)(b"\7" * 256))
    transfer.import_session(keeper, other, name="main", replace=True)
    before = len(archives(keeper))
    for key in (main.auth_key, other.auth_key):  # that which comes, and that which goes
        lease = keeper.leases.try_acquire(key.id)
        with pytest.raises(SessionBusy):
            restore(keeper, archive)
        lease.release()
    assert keeper.vault.entry("main").generation == 2 and len(archives(keeper)) == before
    done = restore(keeper, archive)
    assert keeper.vault.load("main").auth_key == main.auth_key
    assert done.before is not None and done.before.reason == "before restore"
    assert opened(keeper, done.before.path).contents.copies[0].key_id() == other.auth_key.id


def test_the_lease_that_is_taken_next_is_newer_than_the_restored_fence(keeper: Keeper, main: Session) -> None:
    (entry,) = restore(keeper, opened(keeper, made(keeper))).entries
    lease = keeper.leases.try_acquire(main.auth_key.id, floor=entry.fence)
    assert lease.fence > entry.fence
    keeper.vault.touch("main", fence=lease.fence, at=1.0)
    lease.release()


def test_a_key_is_not_restored_beside_itself_under_another_name(keeper: Keeper, main: Session) -> None:
    archive = opened(keeper, made(keeper))
    transfer.remove(keeper, "main")
    keep(keeper, main, "again")
    with pytest.raises(ConfigError, match="kept as 'again'"):
        restore(keeper, archive)


def test_a_backup_of_another_machine_asks_for_move_before_anything_is_touched(
    keeper: Keeper, main: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(keeper)
    lose(keeper)
    monkeypatch.setenv("TELEKEEP_MACHINE", "another")
    archive = opened(keeper, path)
    with pytest.raises(ConfigError) as refused:
        restore(keeper, archive)
    assert "--move" in str(refused.value.remedy) and not Vault.exists(keeper.home.vault)
    restore(keeper, archive, move=True)
    assert not keeper.vault.moved


def test_what_is_not_in_a_backup_is_named(keeper: Keeper, main: Session) -> None:
    archive = opened(keeper, made(keeper))
    with pytest.raises(NothingToRestore, match="does not hold 'nobody'"):
        restore(keeper, archive, ["nobody"])
    with pytest.raises(NothingToRestore):
        choose(archives(keeper, name="nobody"), "nobody")
    with pytest.raises(NothingToRestore):
        archives(keeper, Path("nothing.telekeep"))


def test_the_newest_whole_backup_is_chosen_and_a_damaged_one_passed_over(keeper: Keeper, main: Session) -> None:
    older, newer = made(keeper), made(keeper)
    newer.write_bytes(newer.read_bytes()[:-40])
    assert choose(archives(keeper, name="main"), "main").path == older


def test_without_the_key_file_the_backup_stays_sealed_and_nothing_is_made(keeper: Keeper, main: Session) -> None:
    path = made(keeper)
    lose(keeper)
    keeper.home.key_file.rename(keeper.home.key_file.with_name("lost"))
    with pytest.raises(BackupSealed):
        opened(keeper, path)
    assert not Vault.exists(keeper.home.vault) and not keeper.home.key_file.exists()


# ---- before risky steps


def test_every_risky_step_begins_with_a_backup(keeper: Keeper, main: Session) -> None:
    other = replace(main, auth_key=type(main.auth_key)(b"\7" * 256))
    transfer.import_session(keeper, other, name="main", replace=True)
    assert reasons(keeper) == ["before import"]
    transfer.put_back(keeper, "main", 1)
    transfer.remove(keeper, "main")
    assert sorted(reasons(keeper)) == ["before import", "before remove", "before restore"]
    held = [opened(keeper, each.path).contents.copies[0].key_id() for each in archives(keeper)]
    assert sorted(held) == sorted([main.auth_key.id, other.auth_key.id, main.auth_key.id])


def test_a_step_is_not_taken_if_its_backup_cannot_be_stored(keeper: Keeper, main: Session) -> None:
    keeper.home.backups.mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="open to other users"):
        transfer.remove(keeper, "main")
    assert keeper.vault.entry("main").state == "kept"


def test_a_damaged_record_does_not_stand_in_the_way_of_what_mends_it(keeper: Keeper, main: Session) -> None:
    import sqlite3

    transfer.import_session(keeper, replace(main, user=None), name="main", replace=True)
    keeper.close()
    database = sqlite3.connect(keeper.home.vault / "sessions.db")
    database.execute("UPDATE generations SET sealed = zeroblob(length(sealed)) WHERE generation = 2")
    database.commit()
    database.close()
    assert back_up_first(keeper, ["main"], step="x") is None
    transfer.put_back(keeper, "main", 1)
    assert keeper.vault.load("main").auth_key == main.auth_key


def test_automatic_backups_do_not_grow_without_bound_and_leave_the_others(
    keeper: Keeper, main: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = made(keeper)
    monkeypatch.setattr("telekeep.keeper.backup.AUTOMATIC", Retention(last=3, but=ASKED))
    for _ in range(6):
        back_up_first(keeper, ["main"], step="before remove")
    assert reasons(keeper).count("before remove") == 3 and asked.exists()


def test_a_backup_in_the_vaults_own_folder_is_refused(keeper: Keeper, main: Session) -> None:
    with pytest.raises(ConfigError, match="lies in the vault"):
        back_up(keeper, None, reason=ASKED, to=keeper.home.vault / "backups")


def test_nothing_kept_is_no_backup(keeper: Keeper) -> None:
    keeper.vault_for_writing()
    with pytest.raises(SessionNotFound):
        back_up(keeper, None, reason=ASKED)
    assert back_up_first(keeper, None, step="x") is None
