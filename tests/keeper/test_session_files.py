"""Backups of session files that telekeep does not keep: consistent, whole, its owner's alone, and put back safely."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cli.helpers import new_session
from telekeep.errors import BackupDamaged, NothingToRestore, SessionBusy, SessionCorrupt, UnknownFormat
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.session_files import back_up_file, copies_of, read_whole, restore_file
from telekeep.session import formats
from telekeep.session.model import Session
from telekeep.vault.archive.retention import Retention


@pytest.fixture
def keeper(own_world: Path):  # type: ignore[no-untyped-def]
    with Keeper.open() as keeper:
        yield keeper


def write(path: Path, session: Session | None = None) -> Session:
    session = session or new_session()
    path.write_bytes(formats.FORMATS["telethon-sqlite"].write(session))
    path.chmod(0o600)
    return session


def key_in(path: Path) -> int:
    return read_whole(path)[1].auth_key.id


def test_rows_that_were_never_committed_are_in_no_backup(keeper: Keeper, tmp_path: Path) -> None:
    """002-F10: a plain copy of a live database held 1,496 such rows, and passed integrity_check."""
    file = tmp_path / "bot.session"
    session = write(file)
    writer = sqlite3.connect(file, isolation_level=None)
    writer.execute("PRAGMA cache_size = 2")  # what does not fit is spilt into the file
    writer.execute("BEGIN")
    writer.executemany(
        "INSERT INTO entities VALUES (?, 1, ?, NULL, NULL, NULL)", ((n, "x" * 200) for n in range(100, 1600))
    )
    plain = tmp_path / "plain"
    shutil.copy2(file, plain)
    assert plain.stat().st_size > 200_000, "the rows are in the file: a plain copy is wrong"
    with pytest.raises(SessionBusy):
        back_up_file(keeper, file)
    writer.execute("ROLLBACK")
    writer.close()
    made = back_up_file(keeper, file)
    copied = sqlite3.connect(made.path)
    assert copied.execute("SELECT count(*) FROM entities WHERE id >= 100").fetchone() == (0,)
    copied.close()
    assert key_in(made.path) == session.auth_key.id


def test_a_backup_lies_for_its_owner_alone_and_expires_by_count(keeper: Keeper, tmp_path: Path) -> None:
    """002-F11, 002-12: mode 0644 in the project's root, for ever."""
    file = tmp_path / "telegram_session.session"
    first = write(file)
    oldest = back_up_file(keeper, file).path
    write(file)
    copies = [back_up_file(keeper, file).path for _ in range(3)]
    (keeper.home.backups / "notes_backup_20200101_000000.session").write_bytes(b"not ours")
    (keeper.home.backups / "telegram_session_backup_20200101_000000.session").write_bytes(b"damaged")
    last = back_up_file(keeper, file, retention=Retention(last=2))
    assert last.path.name.startswith("telegram_session_backup_20") and last.path.suffix == ".session"
    assert stat.S_IMODE(last.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(keeper.home.backups.stat().st_mode) == 0o700
    assert set(last.dropped) == set(copies[:2])
    assert oldest.exists() and key_in(oldest) == first.auth_key.id, "the only copy of its key"
    assert len(list(keeper.home.backups.iterdir())) == 5, "what is damaged, or not ours, stays"


def test_the_age_of_a_backup_is_in_its_name_not_in_the_file(keeper: Keeper, tmp_path: Path) -> None:
    """002-F12: the time of a file is that of its last use, or of its last copy."""
    file = tmp_path / "bot.session"
    write(file)
    made = back_up_file(keeper, file)
    os.utime(made.path, (1, 1))
    ((path, made_at),) = copies_of(keeper, file)
    assert path == made.path and abs(made_at - made.made_at) < 2


def test_a_backup_while_somebody_holds_the_key_says_so(keeper: Keeper, tmp_path: Path) -> None:
    file = tmp_path / "bot.session"
    lease = keeper.leases.try_acquire(write(file).auth_key.id)
    made = back_up_file(keeper, file)
    assert made.held_by is not None and made.held_by.pid == os.getpid()
    with pytest.raises(SessionBusy):
        restore_file(keeper, file, made.path)
    lease.release()


def test_what_is_no_session_file_is_refused(keeper: Keeper, tmp_path: Path) -> None:
    file = tmp_path / "bot.session"
    content = formats.FORMATS["telethon-sqlite"].write(new_session())
    file.write_bytes(b"text")
    with pytest.raises(UnknownFormat):
        back_up_file(keeper, file)
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(SessionCorrupt):
        back_up_file(keeper, file)
    assert not keeper.home.backups.exists()


def test_a_restore_backs_up_what_is_there_first(keeper: Keeper, tmp_path: Path) -> None:
    """002-13."""
    file = tmp_path / "bot.session"
    first = write(file)
    copy = back_up_file(keeper, file).path
    second = write(file)
    session, before = restore_file(keeper, file, copy)
    assert session.auth_key == first.auth_key and key_in(file) == first.auth_key.id
    assert before is not None and key_in(before.path) == second.auth_key.id
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_journal_left_behind_is_not_played_back_into_the_restored_file(keeper: Keeper, tmp_path: Path) -> None:
    """002-F10: restore must deal with a leftover journal."""
    file = tmp_path / "bot.session"
    session = write(file)
    copy = back_up_file(keeper, file).path
    crash = f"""
import os, sqlite3
c = sqlite3.connect({str(file)!r}, isolation_level=None)
c.execute("PRAGMA cache_size = 2"); c.execute("BEGIN")
c.executemany("INSERT INTO entities VALUES (?, 1, ?, NULL, NULL, NULL)", ((n, "x" * 200) for n in range(100, 1600)))
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", crash], check=True)
    journal = file.with_name("bot.session-journal")
    assert journal.stat().st_size > 512, "a hot journal"
    file.unlink()
    restore_file(keeper, file, copy)
    assert not journal.exists() and len(list(tmp_path.glob("bot.session-journal.damaged-*"))) == 1
    assert read_whole(file)[1].peers == session.peers


def test_a_damaged_file_is_set_aside_and_a_damaged_backup_touches_nothing(keeper: Keeper, tmp_path: Path) -> None:
    file = tmp_path / "bot.session"
    session = write(file)
    copy = back_up_file(keeper, file).path
    with pytest.raises(NothingToRestore):
        restore_file(keeper, file, copy.with_name("nothing.session"))
    broken = tmp_path / "broken"
    broken.write_bytes(copy.read_bytes()[:3000])
    before = file.read_bytes()
    with pytest.raises(BackupDamaged):
        restore_file(keeper, file, broken)
    assert file.read_bytes() == before
    file.write_bytes(before[:3000])
    assert restore_file(keeper, file, copy)[1] is None
    assert key_in(file) == session.auth_key.id and len(list(tmp_path.glob("bot.session.damaged-*"))) == 1


def test_a_file_that_a_program_has_open_is_not_replaced(keeper: Keeper, tmp_path: Path) -> None:
    file = tmp_path / "bot.session"
    write(file)
    copy = back_up_file(keeper, file).path
    program = subprocess.Popen(
        [sys.executable, "-c", f"f = open({str(file)!r}); print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert program.stdout is not None and program.stdout.readline()
        with pytest.raises(SessionBusy, match="is open in"):
            restore_file(keeper, file, copy)
    finally:
        program.communicate(b"\n")
    restore_file(keeper, file, copy)
