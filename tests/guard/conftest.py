"""A folder that is the whole world, with a session file ``bot.session`` in it, and programs that use it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from telethon.crypto import AuthKey
from telethon.sessions import SQLiteSession

from keeper.conftest import own_world as own_world
from lease.programs import Program

# Holds a session file, says so, and then whatever it is asked.
HOLD = """
import sys, telekeep
with telekeep.SafeSessionContext(sys.argv[1], "holding", timeout=float(sys.argv[2])) as held:
    print("held", flush=True)
    for line in sys.stdin:
        try:
            held.check()
            print("ours", flush=True)
        except Exception as error:
            print(type(error).__name__, flush=True)
"""


def logged_in(path: Path, key: bytes | None = None) -> bytes:
    """Make the session file that stock Telethon keeps at ``path``; its key."""
    key = key or os.urandom(256)
    session = SQLiteSession(str(path))
    session.set_dc(2, "149.154.167.51", 443)
    session.auth_key = AuthKey(key)
    session.save()
    session.close()
    return key


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Any:
    """Our own plugin skips what a guard refuses. Here that is a failure: a refusal nobody expected."""
    report = yield
    if report.skipped and "Session conflict prevented" in str(report.longrepr):
        report.outcome = "failed"
    return report


@pytest.fixture
def bot(own_world: Path) -> Path:
    path = own_world / "bot.session"
    logged_in(path)
    return path


@pytest.fixture
def start(own_world: Path) -> Iterator[Callable[..., Program]]:
    """Starts programs, and ends them with the test."""
    programs: list[Program] = []

    def started(script: str, *arguments: object) -> Program:
        programs.append(Program(script, *map(str, arguments)))
        return programs[-1]

    yield started
    for program in programs:
        program.kill()


@pytest.fixture
def holding(start: Callable[..., Program], bot: Path) -> Program:
    """Another process that holds ``bot.session``."""
    program = start(HOLD, "bot", 0)
    assert program.line() == "held"
    return program


@pytest.fixture
def celery(own_world: Path) -> Path:
    """What looks to the kernel like the program ``celery``: a Python with that name, which waits."""
    folder = own_world / "bin"
    folder.mkdir()
    script = folder / "celery"
    script.write_text(f"#!{sys.executable}\nimport sys\nprint('ready', flush=True)\nsys.stdin.read()\n")
    script.chmod(0o700)
    assert shutil.which("celery", path=str(folder))
    return script
