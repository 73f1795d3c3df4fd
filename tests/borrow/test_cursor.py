from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from telekeep.borrow.cursor import Cursor
from telekeep.borrow.job import job
from telekeep.errors import TelegramSessionError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs" / "own.cursor"


def test_what_was_set_is_there_for_the_next_process(path: Path) -> None:
    program = (
        "import os, pathlib, sys\nfrom telekeep.borrow.cursor import Cursor\n"
        "cursor = Cursor(pathlib.Path(sys.argv[1]))\n"
        "cursor['seen'] = {'chat': -100, 'ids': [1, 2]}\nos.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)], timeout=60).returncode == -9
    cursor = Cursor(path)
    assert dict(cursor) == {"seen": {"chat": -100, "ids": [1, 2]}}
    assert path.stat().st_mode & 0o777 == 0o600
    cursor.close()


def test_several_are_set_at_once_or_none(path: Path) -> None:
    cursor = Cursor(path)
    cursor.update(first=1, second=2)
    with pytest.raises(TypeError):
        cursor.update(first=9, second=object())
    assert (cursor["first"], len(cursor)) == (1, 2)
    del cursor["first"]
    with pytest.raises(KeyError):
        del cursor["first"]
    assert cursor.get("first", "gone") == "gone"
    cursor.close()


def test_a_file_that_is_no_cursor_is_not_written_over(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"something of somebody's")
    path.chmod(0o600)
    with pytest.raises(TelegramSessionError):
        Cursor(path)["seen"] = 1
    assert path.read_bytes() == b"something of somebody's"


def test_a_name_that_leads_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match="no name of a job"):
        job("main", name="../other")(lambda client, cursor: None)
