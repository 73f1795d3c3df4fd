"""The vault is gone, the disk is gone, the key file is gone: what can be restored, and what cannot, said plainly."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stories.borrowing.lending import Lending, line, until
from telekeep.cli.demo.stage import Said, Stage

PHRASE = "correct horse battery staple\n"


@pytest.fixture
def lending(kept: Stage) -> Iterator[Lending]:
    with Lending(kept) as lending:
        yield lending
        lending.check()


def given(lending: Lending, *words: str) -> Said:
    """A command that is handed the passphrase in by descriptor 0."""
    done = subprocess.run(
        [sys.executable, "-m", "telekeep", *words, "--passphrase-fd", "0"],
        env=lending.stage.environment(),
        cwd=lending.folder,
        input=PHRASE,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def backup(lending: Lending, *words: str) -> Path:
    said = given(lending, "backup", *words, "--json") if "--to" in words else lending.telekeep("backup", "--json")
    assert said.code == 0, said
    (made,) = json.loads(said.out)["backups"]
    return Path(made["path"])


def lose(lending: Lending, *paths: Path) -> None:
    lending.ok("daemon", "stop")
    for path in paths:
        shutil.rmtree(path)


def works_again(lending: Lending, loan: str) -> None:
    """The old loan, in a program that knows nothing of what has happened."""
    lending.ok("daemon", "start")
    until(lambda: "main" in lending.owned())  # a daemon that serves opens its sessions then
    said = lending.run("asker.py", "main", "string", environ={"SESSION": loan})
    assert said.out.startswith("as "), said


def test_the_vault_is_gone_and_comes_back_with_its_loans(lending: Lending) -> None:
    loan = lending.lend()
    backup(lending)
    where = lending.where()
    where.vault.rename(where.root / "gone")
    said = lending.telekeep("restore", "main", "--yes")
    assert said.code == 3 and "telekeep daemon stop" in said.err, said
    lending.ok("daemon", "stop")
    said = lending.telekeep("restore", "main", "--yes")
    assert said.code == 0 and "Telegram accepts it" in said.out, said
    assert "must be used nowhere else" in said.err and "open again" in said.err, "002-F13"
    works_again(lending, loan)


def test_the_disk_is_gone_and_the_key_file_with_it(lending: Lending) -> None:
    """Only a backup elsewhere helps, and only one that does not need the key file."""
    loan = lending.lend()
    sealed = backup(lending)
    other_disk = lending.folder / "usb"
    elsewhere = backup(lending, "--to", str(other_disk))
    copied = shutil.copy2(sealed, other_disk / "copied.telekeep")  # made in the same second, both may be called alike
    where = lending.where()
    lose(lending, where.root, where.key_file.parent, where.state)

    said = lending.telekeep("restore", "--from", str(copied), "--yes")
    assert said.code == 7 and "key file" in said.err and "No new key was made" in said.err, said
    assert not where.vault.exists() and not where.key_file.exists()
    said = given(lending, "restore", "--from", str(elsewhere), "--yes")
    assert said.code == 0, said
    works_again(lending, loan)
    assert where.key_file.exists(), "a new vault has a new key"

    # the key file alone: the vault is still there, and sealed for good; it is moved away, not written over
    lending.ok("daemon", "stop")
    where.key_file.unlink()
    said = given(lending, "restore", "--from", str(elsewhere), "--yes")
    assert said.code == 7 and f"mv {where.vault}" in said.err, said
    where.vault.rename(where.root / "vault.lost")
    assert given(lending, "restore", "--from", str(elsewhere), "--yes").code == 0


def test_a_session_that_a_daemon_owns_is_handed_over_restored_and_taken_up_again(lending: Lending) -> None:
    loan = lending.lend()
    backup(lending)
    program = lending.start("sitting.py", "string", environ={"SESSION": loan})
    assert line(program), "it is connected"
    said = lending.telekeep("restore", "main", "--yes")
    assert said.code == 3 and "The daemon lends 'main'" in said.err, said
    lending.stage.kill(program)
    until(lambda: not any(each["borrowers"] for each in lending.loans()))
    said = lending.telekeep("restore", "main", "--yes", "--json")
    assert said.code == 0, said
    (session,) = json.loads(said.out)["sessions"]
    assert session["test"] == "ok" and session["generation"] > 1
    until(lambda: "main" in lending.owned())
    assert lending.run("asker.py", "main", "string", environ={"SESSION": loan}).out.startswith("as ")
