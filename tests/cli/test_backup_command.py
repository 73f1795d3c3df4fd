"""`telekeep backup` and `telekeep restore`: what they say, ask, and end with."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from pathlib import Path

import pytest

from cli.helpers import Run, Said, keep, new_session
from telekeep.keeper.keeper import Keeper
from telekeep.session import formats
from telekeep.vault.keys import passphrase


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def typing(call: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command at a terminal where ``typed`` is typed."""

    def run(*words: str, typed: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", Keyboard(typed))
        return call(*words)

    return run


@pytest.fixture
def handed(call: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command with a passphrase at a file descriptor."""
    monkeypatch.setattr(passphrase, "MEMORY_KIB", 64)

    def run(*words: str, phrase: str = "correct horse\n") -> Said:
        reading, writing = os.pipe()
        os.write(writing, phrase.encode())
        os.close(writing)
        try:
            return call(*words, "--passphrase-fd", str(reading))
        finally:
            os.close(reading)

    return run


def made(call: Run, *words: str) -> Path:
    said = call("backup", *words, "--json")
    assert said.code == 0, said
    found = said.json
    return Path((found["backups"] or found["files"])[0]["path"])


def lose(keeper: Keeper) -> None:
    keeper.close()
    keeper.home.vault.rename(keeper.home.root / "lost")


# ---- backup


def test_it_says_where_it_lies_and_what_it_takes_to_open_it(
    call: Run, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(keeper)
    said = call("backup")
    assert said.code == 0 and "read back and whole" in said.out and str(keeper.home.key_file) in said.out, said
    assert "home/backups/telegram_session_backup_20" in said.out
    monkeypatch.setenv("HOME", str(Path.cwd() / "another"))
    monkeypatch.delenv("TELEKEEP_KEY_FILE", raising=False)
    said = call("backup")
    assert said.code == 0 and f"({keeper.home.key_file})" in said.out, "where it is, not where a new one would be"


def test_a_passphrase_is_never_an_argument_and_opens_the_backup_without_the_key_file(
    call: Run, handed: Run, keeper: Keeper
) -> None:
    session = keep(keeper)
    said = handed("backup", "--to", "usb", "--json")
    (backup,) = said.json["backups"]
    assert backup["own_key"] and "horse" not in said.out + said.err
    lose(keeper)
    keeper.home.key_file.unlink()
    wrong = handed("restore", "--from", backup["path"], "--yes", "--no-test", phrase="wrong\n")
    assert wrong.code == 7 and "passphrase" in wrong.err, wrong
    none = call("restore", "--from", backup["path"], "--yes", "--no-test")
    assert none.code == 7 and "--passphrase-fd" in none.err, none
    assert handed("restore", "--from", backup["path"], "--yes", "--no-test").code == 0
    keeper.close()
    assert keeper.vault.load("main").auth_key == session.auth_key


def test_a_session_that_cannot_be_read_is_a_caution(call: Run, keeper: Keeper, world: Path) -> None:
    import sqlite3

    keep(keeper, "a")
    keep(keeper, "b")
    keeper.close()
    database = sqlite3.connect(world / "home" / "vault" / "sessions.db")
    database.execute("UPDATE generations SET sealed = zeroblob(length(sealed)) WHERE name = 'b'")
    database.commit()
    database.close()
    said = call("backup")
    assert said.code == 8 and said.out.startswith("a: ") and "b is not in it" in said.err, said


def test_old_backups_go_when_that_is_asked_for(call: Run, keeper: Keeper) -> None:
    keep(keeper)
    for _ in range(4):
        made(call)
    said = call("backup", "--keep", "2", "--json")
    assert len(said.json["backups"][0]["dropped"]) == 3
    assert len(call("restore", "--list", "--json").json["backups"]) == 2
    assert call("backup", "--keep", "0").code == 2 and call("backup", "--keep-for", "soon").code == 2


@pytest.mark.parametrize("words", [["nobody"], ["./nothing.session"], []])
def test_what_is_not_there_cannot_be_backed_up(call: Run, world: Path, words: list[str]) -> None:
    said = call("backup", *words)
    assert said.code == 1 and "→" in said.err, said


def test_what_is_done_to_a_whole_vault_begins_with_a_backup(call: Run, keeper: Keeper) -> None:
    keep(keeper)
    assert call("vault", "rotate").code == 0
    assert call("vault", "accept", "--yes").code == 0
    made_for = [each["reason"] for each in call("restore", "--list", "--json").json["backups"]]
    assert sorted(made_for) == ["after a new key", "before a new key", "before accept"]
    keeper.close()
    keeper.home.key_file.unlink()
    said = call("vault", "accept", "--yes")  # it changes no record, and needs no key
    assert said.code == 0 and "No backup was made" in said.err, said


def test_a_file_is_adopted_after_a_backup_of_its_session(call: Run, keeper: Keeper, world: Path) -> None:
    session = new_session()
    (world / "bot.session").write_bytes(formats.FORMATS["telethon-sqlite"].write(session))
    (world / "bot.session").chmod(0o600)
    said = call("adopt", "bot.session", "--yes")
    assert said.code == 0, said
    (backup,) = call("restore", "--list", "--json").json["backups"]
    assert (backup["reason"], backup["sessions"]) == ("before adopt", ["bot"])


# ---- restore


def test_a_person_chooses_by_number_zero_cancels_and_an_invalid_number_is_exit_1(
    typing: Run, call: Run, keeper: Keeper
) -> None:
    """002-13."""
    first = keep(keeper)
    older = made(call)
    keeper.vault.keep("main", new_session(), fence=1, expected=1)
    made(call)
    for typed, code in (("0\n", 0), ("3\n", 1), ("-1\n", 1), ("two\n", 1), ("", 1)):
        said = typing("restore", typed=typed)
        assert said.code == code, (typed, said)
    assert keeper.vault.entry("main").generation == 2
    said = typing("restore", "--no-test", typed="2\ny\n")
    assert said.code == 0 and older.name in said.err, said
    assert keeper.vault.load("main").auth_key == first.auth_key


def test_by_name_the_newest_backup_that_holds_it_is_taken(call: Run, keeper: Keeper) -> None:
    session = keep(keeper)
    made(call, "main")
    keep(keeper, "other")
    made(call, "other")
    lose(keeper)
    refused = call("restore", "main")
    assert refused.code == 2 and "--yes" in refused.err, refused
    said = call("restore", "main", "--yes", "--no-test")
    assert said.code == 0 and "telekeep test main" in said.out and "used nowhere else" in said.err, said
    assert keeper.vault.load("main").auth_key == session.auth_key


def test_without_a_terminal_something_must_be_named(call: Run, keeper: Keeper) -> None:
    keep(keeper)
    made(call)
    said = call("restore", "--yes")
    assert said.code == 2 and "--from" in said.err, said


def test_the_list_shows_what_is_there_and_what_is_damaged(call: Run, keeper: Keeper) -> None:
    assert "telekeep backup" in call("restore", "--list").out
    keep(keeper)
    made(call)
    broken = made(call)
    broken.write_bytes(broken.read_bytes()[:-1])
    said = call("restore", "--list")
    assert said.code == 0 and "main" in said.out and f"{broken.name}: " in said.out, said
    listed = call("restore", "--list", "--json").json["backups"]
    assert sorted(each["whole"] for each in listed) == [False, True]


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda data: data[:-1], "BackupDamaged"),
        (lambda data: data[:200] + b"x" + data[201:], "BackupDamaged"),
        (lambda data: data.replace(b"backup 1", b"backup 2", 1), "BackupUnknown"),
        (lambda data: data.replace(b"backup 1", b"backup 0", 1), "BackupUnknown"),
        (lambda data: b"PK" + data, "BackupUnknown"),
    ],
)
def test_a_backup_that_cannot_be_used_is_named_and_nothing_is_touched(
    call: Run, keeper: Keeper, spoil, error: str
) -> None:
    keep(keeper)
    path = made(call)
    path.write_bytes(spoil(path.read_bytes()))
    said = call("restore", "--from", str(path), "--yes", "--json")
    assert said.code == 7 and said.json["error"] == error and said.json["remedy"], said
    assert path.name in said.json["message"] and keeper.vault.entry("main").generation == 1
    missing = call("restore", "--from", "nothing.telekeep", "--yes", "--json")
    assert missing.code == 7 and missing.json["error"] == "NothingToRestore"


def test_a_backup_sealed_with_another_vaults_key_says_so(
    call: Run, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(keeper)
    path = made(call)
    monkeypatch.setenv("TELEKEEP_KEY_FILE", str(path.parents[2] / "keys2" / "key"))
    monkeypatch.setenv("TELEKEEP_HOME", str(path.parents[2] / "home2"))
    with Keeper.open() as other:
        keep(other, "other")
    said = call("restore", "--from", str(path), "--yes", "--json")
    assert said.code == 7 and said.json["error"] == "BackupSealed", said


def test_a_generation_and_a_backup_are_not_mixed(call: Run, keeper: Keeper) -> None:
    keep(keeper)
    assert call("restore", "main", "--generation", "1", "--list").code == 2
    assert call("restore", "--generation", "1").code == 2


# ---- session files


def test_a_session_file_goes_there_and_back(typing: Run, call: Run, world: Path) -> None:
    file = world / "telegram_session.session"
    contents = [formats.FORMATS["telethon-sqlite"].write(new_session()) for _ in range(2)]
    file.write_bytes(contents[0])
    file.chmod(0o600)
    today = time.strftime("telegram_session_backup_%Y%m%d_")
    path = made(call, "telegram_session.session")
    assert path.name.startswith((today, time.strftime("telegram_session_backup_%Y%m%d_")))  # before or after midnight
    assert path.suffix == ".session"
    file.write_bytes(contents[1])
    assert call("restore", "./telegram_session.session").code == 2
    assert typing("restore", "telegram_session.session", typed="0\n").code == 0
    assert typing("restore", "telegram_session.session", typed="7\n").code == 1
    assert file.read_bytes() == contents[1]
    said = typing("restore", "telegram_session.session", typed="1\ny\n")
    assert said.code == 0 and "used nowhere else" in said.err, said
    assert formats.read(file.read_bytes()) == formats.read(contents[0])
    listed = json.loads(call("restore", "telegram_session.session", "--list", "--json").out)["backups"]
    assert len(listed) == 2, "what was there before is a backup, too"
    none = call("restore", "other.session", "--yes", "--json")
    assert none.code == 7 and none.json["error"] == "NothingToRestore"
