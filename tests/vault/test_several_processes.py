"""Many processes, one vault: nobody waits in vain, nothing is lost, and SQLite's own words never come out."""

from __future__ import annotations

import subprocess
import sys
import threading

from telekeep.database import Database
from telekeep.lease.renewal import TIMEOUT
from telekeep.session.model import UpdateState
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.stores.lagging import LAGGING
from telekeep.vault.stores.sessions import SESSIONS
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.surgery import rows
from vault.test_the_disk import in_a_child

WRITER = """
import sys
from pathlib import Path
from telekeep.clock import SystemClock
from telekeep.errors import SessionConflict
from telekeep.session.model import UpdateState
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.vault import Vault

root, number = Path(sys.argv[1]), int(sys.argv[2])
session = a_session(number)
with Vault.open(root / "home" / "vault", clock=SystemClock(), marks=root / "state") as vault:
    for turn in range(15):
        vault.keep(f"own{number}", session, fence=1, expected=turn or None)
        vault.save_state(f"own{number}", session.auth_key.id, UpdateState(turn, 0, 0, 0), fence=1)
        while True:  # everybody wants the next generation of this one; each turn one of them gets it
            try:
                vault.keep("shared", a_session(99), fence=1, expected=vault.entry("shared").generation)
                break
            except SessionConflict:
                pass
    assert vault.load(f"own{number}").state.pts == 14
"""

MAKER = """
import sys
from pathlib import Path
from telekeep.clock import SystemClock
from telekeep.errors import ConfigError
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.keys.file import KeyFile
from telekeep.vault.vault import Vault

root, name = Path(sys.argv[1]), sys.argv[2]
sys.stdin.readline()
try:
    key = KeyFile(root / "config" / "key")
    vault = Vault.create(root / "home" / "vault", key, clock=SystemClock(), marks=root / "state")
    print("made")
except ConfigError:
    vault = Vault.open(root / "home" / "vault", clock=SystemClock(), marks=root / "state")
    print("found")
vault.keep(name, a_session(1), fence=1, expected=None)
"""


def test_eight_writers_lose_nothing(vault: Vault, place: Place) -> None:
    vault.keep("shared", a_session(99), fence=1, expected=None)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(place.root), str(number)], stderr=subprocess.PIPE, text=True
        )
        for number in range(8)
    ]
    for process in running:
        _, said = process.communicate(timeout=200)
        assert process.returncode == 0, said
    assert vault.entry("shared").generation == 1 + 8 * 15
    assert [vault.entry(f"own{number}").generation for number in range(8)] == [15] * 8
    assert {entry.state for entry in vault.entries()} == {"kept"}


def test_a_file_is_waited_for_as_long_as_a_lease(vault: Vault, place: Place) -> None:
    """Whoever gives up sooner gives up on a machine that is only busy, and with it on a key that was just made."""
    vault.keep("a", a_session(1), fence=1, expected=None)
    for path, kind in ((place.sessions, SESSIONS), (place.lagging, LAGGING)):
        database = Database(path, kind)
        with database.reading() as connection:
            assert connection.execute("PRAGMA busy_timeout").fetchone()[0] >= TIMEOUT * 1000
        database.close()


def test_of_several_that_make_the_vault_one_does_and_all_can_use_it(place: Place) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", MAKER, str(place.root), f"name{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(6)
    ]
    for process in running:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    outcomes = [process.communicate(timeout=200) for process in running]
    assert sorted(said.strip() for said, _ in outcomes) == ["found"] * 5 + ["made"], outcomes
    with place.open(place.key) as vault:
        assert len(vault.entries()) == 6
        assert all(vault.load(entry.name).auth_key == a_session(1).auth_key for entry in vault.entries())


def test_a_forked_child_and_its_parent_do_not_disturb_each_other(vault: Vault, place: Place) -> None:
    """Celery's prefork: the child inherits an open vault."""
    session = a_session(1)
    vault.keep("a", session, fence=1, expected=None)
    vault.save_state("a", session.auth_key.id, UpdateState(1, 0, 0, 0), fence=1)

    def child() -> str:
        loaded = vault.load("a")
        vault.keep("child", a_session(2), fence=1, expected=None)
        vault.save_state("a", session.auth_key.id, UpdateState(2, 0, 0, 0), fence=1)
        vault.close()
        return str(loaded.auth_key == session.auth_key)

    assert in_a_child(child) == "True"
    vault.save_state("a", session.auth_key.id, UpdateState(3, 0, 0, 0), fence=1)
    state = vault.load("a").state
    assert state is not None
    assert state.pts == 3
    assert [entry.name for entry in vault.entries()] == ["a", "child"]
    vault.close()
    for path in (place.sessions, place.lagging):
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_threads_may_share_a_vault(vault: Vault) -> None:
    """telethon.sync, and programs with a thread per account."""
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            session = a_session(number)
            vault.keep(f"t{number}", session, fence=1, expected=None)
            for turn in range(20):
                vault.save_state(f"t{number}", session.auth_key.id, UpdateState(turn, 0, 0, 0), fence=1)
                vault.load(f"t{number}")
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(vault.entries()) == 6


def test_a_long_reader_does_not_make_a_writer_fail_at_once(vault: Vault, place: Place) -> None:
    """A backup that reads for a moment: the writer waits for it instead of saying "database is locked"."""
    vault.keep("a", a_session(1), fence=1, expected=None)
    reader = f"""
import sqlite3, time
connection = sqlite3.connect({str(place.sessions)!r}, isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT * FROM generations").fetchall()
print("reading", flush=True)
time.sleep(0.3)
connection.execute("COMMIT")
"""
    with subprocess.Popen([sys.executable, "-c", reader], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "reading\n"
        vault.keep("a", a_session(2), fence=1, expected=1)
        assert process.wait(timeout=60) == 0
    assert vault.entry("a").generation == 2
