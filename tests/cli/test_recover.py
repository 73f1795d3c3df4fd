"""`telekeep recover`: what can be mended without a person is mended, after asking; the rest is said in a sentence."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
import tomllib
from pathlib import Path

import pytest

from cli.helpers import keep, new_session
from telekeep.keeper.keeper import Keeper
from telekeep.paths import home
from telekeep.work.alone import is_free

PHONE, CODE = "9996621234", "22222"


@pytest.fixture
def kept(served, call, monkeypatch: pytest.MonkeyPatch):
    """A session called main, logged in on the emulator."""
    monkeypatch.setenv("TELEKEEP_NETWORK", "net.toml")
    assert call("emulator", "account", "--phone", PHONE).code == 0
    assert call("auth", "main", "--phone", PHONE, "--code", CODE).code == 0
    return call


def damage(keeper: Keeper, name: str, generation: int) -> None:
    keeper.close()
    connection = sqlite3.connect(keeper.home.vault / "sessions.db")
    with connection:
        done = connection.execute(
            "UPDATE generations SET sealed = zeroblob(length(sealed)) WHERE name = ? AND generation = ?",
            (name, generation),
        )
    assert done.rowcount == 1
    connection.close()


def again(keeper: Keeper, name: str) -> None:
    """One generation more."""
    entry = keeper.vault.entry(name)
    keeper.vault.keep(name, keeper.vault.load(name), fence=entry.fence, expected=entry.generation)


def test_where_all_is_well_nothing_is_done(kept) -> None:
    said = kept("recover")
    assert (said.code, said.out) == (0, "All is well; there was nothing to mend.\n"), said


def test_a_damaged_record_is_rolled_back_and_no_other_is_touched(kept, keeper: Keeper) -> None:
    again(keeper, "main")
    newest = keeper.vault.entry("main").generation
    other = new_session(network=keeper.network.name)
    keep(keeper, "other", other)
    damage(keeper, "main", newest)
    assert kept("test", "main").code == 7
    said = kept("recover", "main", "--yes")
    assert said.code == 0, said
    assert f"Roll main back to generation {newest - 1}: done." in said.out
    assert kept("test", "main").code == 0
    assert keeper.vault.load("other").auth_key == other.auth_key and keeper.vault.entry("other").generation == 1
    assert any(each.generation == newest for each in keeper.vault.history("main")), "what was damaged is still there"


def test_without_a_terminal_nothing_is_done_unless_told(kept, process, keeper: Keeper) -> None:
    keeper.home.key_file.chmod(0o644)
    said = process("recover")
    assert said.code == 2 and "--yes" in said.err
    assert keeper.home.key_file.stat().st_mode & 0o777 == 0o644


def test_modes_are_closed(kept, keeper: Keeper, world: Path) -> None:
    (world / ".env").write_text("A=1\n")
    for path, mode in ((keeper.home.key_file, 0o644), (keeper.home.vault, 0o755), (world / ".env", 0o666)):
        path.chmod(mode)
    said = kept("recover", "--yes", "--json")
    assert said.code == 0 and len(said.json["done"]) == 3 and said.json["left"] == [], said
    assert keeper.home.key_file.stat().st_mode & 0o777 == 0o600
    assert keeper.home.vault.stat().st_mode & 0o777 == 0o700


def test_what_was_hidden_behind_a_mode_is_mended_too(kept, keeper: Keeper) -> None:
    again(keeper, "main")
    damage(keeper, "main", keeper.vault.entry("main").generation)
    keeper.close()
    keeper.home.vault.chmod(0o755)
    said = kept("recover", "--yes", "--json")
    assert said.code == 0 and len(said.json["done"]) == 2, said


def test_a_record_in_use_is_not_rolled_back_under_its_holder(kept, keeper: Keeper) -> None:
    again(keeper, "main")
    entry, session = keeper.vault.entry("main"), keeper.vault.load("main")
    damage(keeper, "main", entry.generation)
    lease = keeper.leases.try_acquire(session.auth_key.id)
    said = kept("recover", "--yes", "--json")
    lease.release()
    assert said.code == 7 and said.json["done"] == []
    assert [each["error"] for each in said.json["failed"]] == ["SessionBusy"]


def test_what_needs_a_person_is_said_in_a_sentence(kept) -> None:
    assert kept("emulator", "fault", "revoke", "--phone", PHONE).code == 0
    before = kept("emulator", "stats", "--json").json["codes_sent"]
    said = kept("recover", "--yes")
    assert said.code == 1
    assert "This needs you:" in said.out and "`telekeep auth main --replace`" in said.out
    assert kept("emulator", "stats", "--json").json["codes_sent"] == before


def test_a_damaged_lagging_file_is_begun_anew(kept, keeper: Keeper) -> None:
    keeper.vault.load("main")
    keeper.close()
    path = keeper.home.vault / "lagging.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek(4096 * (pages - 1))
        file.write(b"\x0a" + b"\xff" * 60)
    said = kept("diagnostics", "--offline", "--json")
    assert said.code in (0, 8), "no session is harmed"
    assert kept("recover", "--yes").code == 0
    assert kept("test", "main").code == 0
    assert kept("diagnostics", "--quiet").out == ""


def test_what_a_killed_daemon_left_is_cleared_and_nothing_of_one_that_runs(kept, process, world: Path) -> None:
    assert process("lend", "main").code == 0
    run = world / "home" / "run"
    said = kept("recover", "--yes", "--json")
    assert said.code == 0 and said.json["done"] == [] and (run / "daemon.toml").exists()
    os.kill(tomllib.loads((run / "daemon.toml").read_text())["pid"], signal.SIGKILL)
    while not is_free(home()):
        time.sleep(0.01)
    said = kept("recover", "--yes", "--json")
    assert said.code == 0 and len(said.json["done"]) == 2, said
    assert not (run / "daemon.toml").exists() and not (run / "control").exists()
    assert (run / "daemon.lock").exists(), "a lock file stays: the kernel says what it means"
