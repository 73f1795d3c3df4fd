"""Facts: what the disk, git and the vault really say."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from telekeep.errors import SessionSealed, VaultRolledBack
from telekeep.health.facts import configuration, permissions, repository, vault
from telekeep.keeper.keeper import Keeper
from telekeep.session.model import Session

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed here")


@pytest.fixture
def git(own_world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    subprocess.run(["git", "init", "-q", "."], check=True)
    return own_world


@needs_git
def test_files_of_a_repository_that_hold_secrets(git: Path) -> None:
    inner = git / "app" / "bot"
    inner.mkdir(parents=True)
    (inner / "old.session").write_text("x")
    (git / ".env").write_text("A=1")
    subprocess.run(["git", "add", "-f", "app/bot/old.session"], check=True)
    found = repository.gather()
    assert found.tracked == ("app/bot/old.session",)
    assert found.not_ignored == (".env", "*.session") and found.there
    (git / ".gitattributes").write_text("app/** telekeep-example\n")
    assert repository.gather(inner).tracked == (), "the owner of the repository has said that it opens nothing"
    (git / ".gitattributes").unlink()
    (git / ".gitignore").write_text("*.session\n")
    found = repository.gather(inner)
    assert found.tracked == ("app/bot/old.session",), "of the whole repository, wherever one stands in it"
    assert found.not_ignored == (".env",) and not found.there
    (git / ".gitignore").write_text("*.session\n.env\n")
    assert repository.gather().not_ignored == ()


@needs_git
def test_without_git_or_a_repository_nothing_is_known(
    own_world: Path, git: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert repository.gather().folder is None
    shutil.rmtree(git / ".git")
    assert repository.gather().folder is None


def test_modes_are_told_as_they_are(keeper: Keeper, main: Session) -> None:
    keeper.home.key_file.chmod(0o644)
    found = {each.path: each for each in permissions.gather(keeper.home)}
    assert found[str(keeper.home.key_file)].mode & 0o777 == 0o644
    assert found[str(keeper.home.vault / "sessions.db")].mode & 0o777 == 0o600
    assert all(each.is_ours for each in found.values())


def test_settings_that_contradict_themselves(own_world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert configuration.gather().missing is not None
    monkeypatch.setenv("TELEGRAM_API_ID", "1")
    monkeypatch.setenv("TELEGRAM_API_HASH", "0" * 32)
    assert configuration.gather().missing is None
    (own_world / ".env").write_text("TELEGRAM_API_ID=2\nTELEGRAM_SESSION=secret\n")
    assert configuration.gather().error is not None
    monkeypatch.delenv("TELEGRAM_API_ID")
    assert configuration.gather().string == "TELEGRAM_SESSION in .env"


def test_a_vault_that_is_whole(keeper: Keeper, main: Session) -> None:
    found = vault.gather(keeper.home, keeper.vault, clock=keeper.clock)
    (record,) = found.records
    assert (record.name, record.newest, record.error, record.damaged) == ("main", 1, None, ())
    assert record.has_application and not found.moved and found.sealed is None and found.broken == ()


def test_a_vault_without_its_key_is_looked_at_from_outside(keeper: Keeper, main: Session) -> None:
    keeper.close()
    keeper.home.key_file.unlink()
    found = vault.gather(keeper.home, clock=keeper.clock)
    assert isinstance(found.sealed, SessionSealed) and found.records[0].error is None


def test_the_newest_generation_that_is_whole(keeper: Keeper, main: Session) -> None:
    for number in (1, 2, 3):
        fence = keeper.vault.entry("main").fence
        keeper.vault.keep("main", main, fence=fence, expected=number)
    keeper.close()
    path = keeper.home.vault / "sessions.db"
    _edit(path, "UPDATE generations SET sealed = zeroblob(length(sealed)) WHERE generation IN (3, 4)")
    found = vault.gather(keeper.home, clock=keeper.clock)
    (record,) = found.records
    assert (record.newest, record.whole) == (4, 2) and record.error is not None
    _edit(path, "UPDATE generations SET checksum = 0 WHERE generation = 2")
    (record,) = vault.gather(keeper.home, clock=keeper.clock).records
    assert record.whole == 1


def test_an_older_vault_that_was_put_back(keeper: Keeper, main: Session, tmp_path: Path) -> None:
    keeper.vault.load("main")
    keeper.close()
    shutil.copytree(keeper.home.vault, tmp_path / "copy")
    keeper.vault.keep("main", main, fence=keeper.vault.entry("main").fence, expected=1)
    keeper.close()
    shutil.copy(tmp_path / "copy" / "sessions.db", keeper.home.vault / "sessions.db")
    (record,) = vault.gather(keeper.home, clock=keeper.clock).records
    assert isinstance(record.error, VaultRolledBack)


def test_pages_that_sqlite_finds_damaged(keeper: Keeper, main: Session) -> None:
    keeper.vault.flush()
    keeper.close()
    path = keeper.home.vault / "sessions.db"
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 4096)  # the last page: its kind is none that SQLite knows
        file.write(b"\xff" * 8)
    found = vault.gather(keeper.home, clock=keeper.clock)
    assert found.error is not None or found.broken == ("vault",)


def _edit(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def test_uses_are_noted_together_and_not_by_whoever_comes_too_late(keeper: Keeper, main: Session) -> None:
    entry = keeper.vault.entry("main")
    keeper.vault.note_uses([("main", entry.fence, 5.0), ("nobody", 1, 6.0)])
    assert keeper.vault.entry("main").last_used_at == 5.0
    keeper.vault.note_uses([("main", entry.fence, 4.0)])
    assert keeper.vault.entry("main").last_used_at == 5.0, "a later use that is known stays"
    keeper.vault.touch("main", fence=entry.fence + 1, at=7.0)
    keeper.vault.note_uses([("main", entry.fence, 9.0)])
    assert keeper.vault.entry("main").last_used_at == 7.0
