"""`telekeep safety-check`: exactly one of three lines, an exit code for each, who, and what to do (002-16)."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cli.conftest import call as call
from cli.conftest import world as world
from cli.helpers import Run, keep
from guard.conftest import HOLD, logged_in
from lease.programs import Program
from telekeep.clock import SystemClock
from telekeep.guard.verdict import Found, judge
from telekeep.keeper.keeper import Keeper
from telekeep.lease import lease_name
from telekeep.lease.holder import DAEMON, this_process
from telekeep.session.formats import FORMATS
from telekeep.session.model import Session

SAFE, UNSAFE, CAUTION = "✅ SAFE: No conflicts detected", "🚫 UNSAFE: Workers running", "⚠️ CAUTION: Stale lock detected"


@pytest.fixture
def file(world: Path) -> Path:
    path = world / "telegram_session.session"
    logged_in(path)
    return path


@pytest.fixture
def worker(file: Path):
    program = Program(HOLD, "telegram_session", "0")
    assert program.line() == "held"
    yield program
    program.kill()


def one_line(text: str) -> str:
    """The verdict: the first line, and the only one of its kind."""
    lines = text.splitlines()
    assert sum(line.startswith((SAFE, UNSAFE, CAUTION)) for line in lines) == 1
    return lines[0]


def test_the_three_verdicts_each_with_its_exit_code(call: Run, worker: Program) -> None:
    """002-17: workers started, unsafe; killed, stale; used again, safe."""
    said = call("safety-check")
    assert said.code == 3
    assert one_line(said.out) == f"{UNSAFE} (PIDs: {worker.pid})"
    assert f"kill {worker.pid}" in said.out and "holding" in said.out
    worker.kill()
    said = call("safety-check", "telegram_session")
    assert said.code == 8 and one_line(said.out) == CAUTION
    assert str(worker.pid) in said.out and "→ " in said.out
    again = Program(HOLD, "telegram_session", "0")
    again.line()
    again.process.communicate()  # it ends in order
    said = call("safety-check", "telegram_session.session")
    assert said.code == 0 and said.out == f"{SAFE}\n"


def test_as_json_and_in_one_line(call: Run, worker: Program) -> None:
    said = call("safety-check", "--json", "telegram_session")
    assert said.code == 3
    assert said.json["state"] == "unsafe" and said.json["pids"] == [worker.pid] and said.json["remedy"]
    assert said.json["verdict"] == f"{UNSAFE} (PIDs: {worker.pid})"
    assert call("safety-check", "-q").out == f"{UNSAFE} (PIDs: {worker.pid})\n"


def test_a_kept_session_and_a_copy_of_it_in_a_file(call: Run, world: Path) -> None:
    with Keeper.open() as keeper:
        session: Session = keep(keeper, "main")
    assert one_line(call("safety-check", "main").out) == SAFE
    (world / "copy.session").write_bytes(FORMATS["telethon-sqlite"].write(session))
    program = Program(HOLD, "copy", "0")
    assert program.line() == "held"
    for name in ("main", "copy", "copy.session"):
        said = call("safety-check", name)
        assert said.code == 3 and one_line(said.out) == f"{UNSAFE} (PIDs: {program.pid})"
    said = call("safety-check")
    assert said.code == 3 and one_line(said.out) == f"{UNSAFE} (PIDs: {program.pid})"
    program.kill()


def test_the_worst_of_several_is_told_and_each_is_in_the_json(call: Run, worker: Program) -> None:
    with Keeper.open() as keeper:
        keep(keeper, "main")
    said = call("safety-check", "--json")
    assert said.code == 3
    assert {each["session"]: each["state"] for each in said.json["sessions"]} == {
        "main": "safe",
        "telegram_session.session": "unsafe",
    }


def test_a_kept_session_whose_key_lies_in_a_file_is_not_called_safe(call: Run, world: Path) -> None:
    """`telekeep adopt --undo` gave it back to a program that knows nothing of leases."""
    with Keeper.open() as keeper:
        session = keep(keeper, "main")
        adoption = {"original": None, "away": (lease_name(session.auth_key.id),), "instead_of": ()}
        keeper.vault.keep_adoption("0123abcd", b"{}", **adoption)
    said = call("safety-check", "main")
    assert said.code == 3 and one_line(said.out) == f"{UNSAFE} (PIDs: unknown)"
    assert "adopt --list" in said.out


def test_a_name_that_is_nothing_is_not_called_safe(call: Run, world: Path) -> None:
    for words in ([], ["nobody"], ["nobody.session"]):
        said = call("safety-check", *words)
        assert said.code == 1 and said.out == "" and "telekeep" in said.err


def test_a_file_that_cannot_be_read_is_not_called_safe(call: Run, file: Path) -> None:
    """Fail closed: whose key is in it nobody can tell."""
    import sqlite3

    busy = sqlite3.connect(file, isolation_level=None)
    busy.execute("BEGIN EXCLUSIVE")
    try:
        said = call("safety-check")
        assert said.code == 3 and one_line(said.out).startswith(UNSAFE)
    finally:
        busy.close()


def test_a_session_string_is_no_argument_and_not_repeated(call: Run, world: Path) -> None:
    secret = "1" + "A" * 352
    said = call("safety-check", secret)
    assert said.code == 2 and "A" * 30 not in said.out + said.err


def test_it_loads_neither_telethon_nor_asyncio(file: Path) -> None:
    script = (
        "import sys; from telekeep.cli.main import main; code = main(['safety-check', '-q']);"
        "print(code, [name for name in ('telethon', 'asyncio', 'cryptography', 'rich') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == [SAFE, "0 []"]


# ---- the pytest plugin

TESTS = """
import pytest
from telekeep import SessionSafetyManager

def test_of_something_else():
    pass

@pytest.mark.telegram_session
def test_with_the_session():
    SessionSafetyManager().check_session_safety()

@pytest.mark.telegram_session("telegram_session.session")
async def test_with_the_session_again():
    async with SessionSafetyManager().safe_session_operation("test"):
        pass

@SessionSafetyManager().enforce_session_safety("test")
def test_with_a_guard_of_its_own():
    pass

@pytest.fixture(scope="module")
def client():
    with SessionSafetyManager().safe_session_operation("test"):
        yield

def test_with_a_fixture_that_is_refused(client):
    pass

def test_with_the_same_fixture(client):
    pass

@SessionSafetyManager().enforce_session_safety("fetch")
def test_of_another_operation():
    pass
"""


# What is left when the run is over and the process is not: those who run pytest from a program go on.
RUN = """
import glob, sys, pytest
code = pytest.main(sys.argv[1:])
sys.exit(code or ("a face was left" if glob.glob("*.process_info") else 0))
"""


def pytest_run(folder: Path, file: str) -> subprocess.CompletedProcess[str]:
    """pytest with the two plugins that are needed: the rest takes a second to load."""
    plugins = ("pytest_asyncio.plugin", "telekeep.testing.pytest", "no:cacheprovider")
    words = ["-c", RUN, "-q", "-rs", *(word for plugin in plugins for word in ("-p", plugin)), file]
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, env=environ)


def outcomes(folder: Path) -> tuple[dict[str, int], str]:
    (folder / "test_it.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    said = pytest_run(folder, "test_it.py")
    *_, last = said.stdout.strip().splitlines()
    counts = {word.rstrip(","): int(number) for number, word in zip(last.split(), last.split()[1:], strict=False)
              if number.isdigit()}  # fmt: skip
    return counts, said.stdout


def test_in_a_test_run_a_conflict_skips_what_uses_the_session_and_nothing_else(worker: Program, world: Path) -> None:
    """002-18: the Telegram tests are skipped, all others run; other operations refuse."""
    counts, out = outcomes(world)
    assert counts == {"passed": 1, "skipped": 5, "failed": 1}, out
    assert "Session conflict prevented" in out and str(worker.pid) in out


def test_without_a_conflict_all_run_and_the_session_is_free_afterwards(file: Path, world: Path) -> None:
    counts, out = outcomes(world)
    assert counts == {"passed": 7}, out
    assert not (world / "telegram_session.process_info").exists()


def test_what_a_test_run_uses_nobody_else_gets(file: Path, world: Path) -> None:
    """Held until the end of the run: a client of a fixture outlives the test that asked for it."""
    (world / "holder.py").write_text(HOLD)
    (world / "test_long.py").write_text(
        "import subprocess, sys, pytest\n"
        "@pytest.mark.telegram_session\ndef test_first(): pass\n"
        "def test_later():\n"
        "    other = subprocess.run([sys.executable, 'holder.py', 'telegram_session', '0'], capture_output=True)\n"
        "    assert b'SessionBusy' in other.stderr\n"
    )
    said = pytest_run(world, "test_long.py")
    assert said.returncode == 0, said.stdout


def test_the_daemon_is_no_program_to_kill_whatever_asked_it_for_the_key() -> None:
    daemon = replace(this_process(clock=SystemClock(), fence=1, purpose=DAEMON), pid=1)
    found = judge(Found("bot.session", daemon.since + 60, (daemon,)))
    assert found.line == "🚫 UNSAFE: Workers running (PIDs: 1)" and "the daemon (process 1) holds it" in found.who[0]
    assert "kill" not in str(found.remedy) and "borrow it" in str(found.remedy)
