"""kurigram, a library of other descent, on a lent session file: nothing of telekeep is in its process."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from emulator.pictures import png
from stories.borrowing.lending import Lending, line, until
from telekeep.cli.demo.stage import Stage

PYTHON = Path(__file__).parents[2] / ".venv" / "releases" / "kurigram-2.2.26" / "bin" / "python"
PROGRAM = Path(__file__).parent / "kurigram" / "obeying.py"
PHONE = "9996621234"

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="kurigram is not set up: make layers")


@pytest.fixture
def lending(kept: Stage) -> Iterator[Lending]:
    with Lending(kept) as lending:
        lending.ok("lend", "main", "--to", "pyrogram-sqlite", "--out", "my_account.session", "--as", "kurigram")
        yield lending


def start(lending: Lending) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [PYTHON, PROGRAM, "my_account"],
        cwd=lending.folder,
        env={"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lending.stage.running.append(process)
    return process


def told(program: subprocess.Popen[str], order: str) -> str:
    assert program.stdin is not None
    program.stdin.write(order + "\n")
    program.stdin.flush()
    return line(program).removeprefix(f"{order.split()[0]} ")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_program_lives_on_a_lent_file(lending: Lending, tmp_path: Path) -> None:
    picture, file = tmp_path / "picture.png", tmp_path / "file.bin"
    picture.write_bytes(png(40, 30))
    file.write_bytes(os.urandom(60_000))
    program = start(lending)
    assert line(program) == f"ready {PHONE} Test {PHONE}"
    assert told(program, "history") == "12"
    assert told(program, "note hello") == "hello"
    assert told(program, "search hel") == "['hello']"
    assert told(program, "forward") == "True"
    lending.telegram("send", to=PHONE, text="good morning", count=2)
    assert [line(program), line(program)] == ["heard good morning"] * 2
    assert told(program, f"photo {picture}") == digest(picture)
    assert told(program, f"document {file}") == digest(file)
    lending.telegram("send", to=PHONE, text="once", count=1)
    assert line(program) == "heard once"
    lending.telegram("fault", kind="flood", method="messages.sendMessage", seconds=30)
    assert told(program, "note hello") == "FloodWait 30"
    until(lending.is_written)  # what is not may be heard again: see docs/kurigram.md
    lending.kill_daemon()
    lending.ok("daemon", "start")
    assert told(program, "history") == "19", "the connection is made anew by itself"
    lending.telegram("send", to=PHONE, text="good evening", count=1)
    assert line(program) == "heard good evening"
    assert told(program, "stop") == "stopped"
    assert lending.stage.finish(program).code == 0
    seen = lending.check()
    assert (seen["logins"], seen["codes_sent"]) == (1, 1)


def test_below_run_a_program_that_names_its_own_session_gets_the_loan(lending: Lending, tmp_path: Path) -> None:
    file = tmp_path / "file.bin"
    file.write_bytes(os.urandom(5_000))
    before = sorted(each.name for each in lending.folder.iterdir())
    lending.telegram("send", to=PHONE, text="a file", file=str(file), dc=4)
    program = subprocess.Popen(
        [sys.executable, "-m", "telekeep", "run", "main", "--", PYTHON, PROGRAM, "another_name"],
        cwd=lending.folder,
        env=lending.stage.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lending.stage.running.append(program)
    assert line(program) == f"ready {PHONE} Test {PHONE}"
    assert told(program, "fetch") == digest(file)
    lending.telegram("send", to=PHONE, text="hello", count=1)
    assert line(program) == "heard hello"
    assert told(program, "stop") == "stopped"
    said = lending.stage.finish(program)
    assert said.code == 0, said
    assert sorted(each.name for each in lending.folder.iterdir()) == before
    lending.check()


def test_a_file_is_good_for_the_next_program_and_its_end_is_said(lending: Lending) -> None:
    for _ in range(2):
        program = start(lending)
        assert line(program).startswith("ready")
        assert told(program, "stop") == "stopped"
        assert lending.stage.finish(program).code == 0
    with closing(sqlite3.connect(lending.folder / "my_account.session")) as connection:
        assert connection.execute("SELECT count(*) FROM peers").fetchone()[0] > 0
    lending.ok("loans", "revoke", "kurigram")
    said = lending.stage.finish(start(lending))
    assert said.code == 1 and said.last.endswith('[401 LOAN_REVOKED] (caused by "InvokeWithLayer")'), said
    assert (lending.folder / "my_account.session").exists()
    lending.check()


def test_a_string_has_no_place_for_an_address_and_is_refused_in_words(lending: Lending) -> None:
    said = lending.telekeep("lend", "main", "--to", "pyrogram-string")
    assert (said.code, said.out) == (2, "")
    assert "no place for an address" in said.err and "pyrogram-sqlite" in said.err
    assert lending.telekeep("lend", "main", "--to", "pyrogram-sqlite").code == 2
    assert len(lending.loans()) == 1


def test_what_kurigram_keeps_is_taken_into_the_vault(lending: Lending) -> None:
    """A session file of its own, as it is after a login on this network."""
    key = lending.ok("export", "main", "--to", "telethon-string", "--yes")
    lending.ok("export", "main", "--to", "pyrogram-sqlite", "--out", "own.session", "--yes")
    checked = lending.ok("check", "own.session")
    assert "own.session as pyrogram-sqlite" in checked
    said = lending.telekeep("import", "own.session", "--as", "other")
    assert said.code == 6 and "already kept as 'main'" in said.err, said
    lending.ok("daemon", "stop")
    lending.ok("remove", "main", "--yes")
    lending.ok("import", "own.session", "--as", "other")
    assert lending.ok("export", "other", "--to", "telethon-string", "--yes") == key
    said = lending.telekeep("export", "other", "--to", "pyrogram-string", "--yes")
    assert said.code == 7 and "no place for an address" in said.err, said
    lending.ok("test", "other")
