"""`telekeep recover`: what can be mended without a person is mended, after asking; the rest is said in a sentence."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.helpers import keep, new_session
from stories.days import Clock
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


def kill_daemon(world: Path) -> None:
    os.kill(tomllib.loads((world / "home" / "run" / "daemon.toml").read_text())["pid"], signal.SIGKILL)
    while not is_free(home()):
        time.sleep(0.01)


def test_what_a_killed_daemon_left_is_cleared_and_nothing_of_one_that_runs(kept, process, world: Path) -> None:
    assert process("daemon", "start").code == 0
    run = world / "home" / "run"
    said = kept("recover", "--yes", "--json")
    assert said.code == 0 and said.json["done"] == [] and (run / "daemon.toml").exists()
    kill_daemon(world)
    said = kept("recover", "--yes", "--json")
    assert said.code == 0 and len(said.json["done"]) == 2, said
    assert not (run / "daemon.toml").exists() and not (run / "control").exists()
    assert (run / "daemon.lock").exists(), "a lock file stays: the kernel says what it means"


def test_a_daemon_that_was_killed_while_loans_are_out_is_started_again(kept, process, world: Path) -> None:
    assert process("lend", "main").code == 0
    kill_daemon(world)
    try:
        said = process("recover", "--yes", "--json")
        assert said.code == 0 and said.json["done"] == ["Restart the daemon"] and said.json["left"] == [], said
        assert not is_free(home())
    finally:
        process("daemon", "stop")


def test_a_daemon_that_was_killed_with_jobs_to_do_is_started_again_and_one_that_was_stopped_is_not(
    kept, process, world: Path
) -> None:
    (world / "home" / "jobs.toml").write_text('[night]\ncommand = ["list"]\ncron = "0 3 * * *"\n')
    (world / "home" / "jobs.toml").chmod(0o600)
    assert process("daemon", "start").code == 0
    try:
        kill_daemon(world)
        said = kept("recover", "--yes", "--json", "--offline")
        assert said.json["done"] == ["Restart the daemon"] and not is_free(home()), said
        assert process("daemon", "stop").code == 0
        said = kept("recover", "--yes", "--json", "--offline")
        assert said.json["done"] == [] and is_free(home()), said
    finally:
        process("daemon", "stop")


# ---- a key in quarantine


def key_id(keeper: Keeper) -> int:
    return keeper.vault.load("main").auth_key.id


def test_a_quarantined_key_that_telegram_takes_is_lifted(kept, keeper: Keeper) -> None:
    keeper.vault.quarantine(key_id(keeper), "AuthKeyDuplicated", checked=True, evidence="Seen by process 7.")
    before = kept("emulator", "stats", "--json").json["rpc"]
    said = kept("diagnostics", "--json")
    told = {each["check"]: each for each in said.json["findings"] if each["severity"] != "note"}
    assert said.code == 1 and told["quarantine"]["error"] == "AuthKeyDuplicated"
    assert any("Seen by process 7." in each["finding"] for each in said.json["findings"])
    assert "authorization" not in told, "nobody asks about it"
    assert kept("emulator", "stats", "--json").json["rpc"] == before, "the network check knocks, and calls nothing"
    said = kept("recover", "main", "--yes")
    assert said.code == 0 and "Ask Telegram once more about the quarantined key of main: done." in said.out, said
    assert keeper.vault.quarantined(key_id(keeper)) is None
    assert kept("test", "main").code == 0


def test_a_key_that_stays_dead_is_asked_about_once_however_often_recover_runs(kept) -> None:
    """A job that runs `recover --yes` every hour must not knock every hour."""
    assert kept("emulator", "fault", "revoke", "--phone", PHONE).code == 0
    assert kept("test", "main").code == 1
    before = kept("emulator", "stats", "--json").json
    said = kept("recover", "main", "--offline", "--yes", "--json")
    assert said.code == 1 and [each["error"] for each in said.json["failed"]] == ["AuthKeyRevoked"], said
    seen = kept("emulator", "stats", "--json").json
    assert seen["connections"] == before["connections"] + 1
    for _ in range(3):
        said = kept("recover", "main", "--offline", "--yes")
        assert said.code == 1 and "This needs you:" in said.out and "`telekeep auth main --replace`" in said.out
        assert "when it was asked once more" in said.out
    after = kept("emulator", "stats", "--json").json
    assert (after["connections"], after["rpc"]) == (seen["connections"], seen["rpc"])
    assert after["codes_sent"] == before["codes_sent"]


# ---- flood waits


def test_a_method_that_must_wait_is_not_called_and_the_finding_says_until_when(kept) -> None:
    """003-8, 003-14."""
    assert kept("emulator", "fault", "flood", "--method", "users.getUsers", "--seconds", "69120").code == 0
    assert kept("test", "main").code == 4
    before = kept("emulator", "stats", "--json").json["rpc"]
    said = kept("diagnostics", "--json")
    told = {each["check"]: each for each in said.json["findings"] if each["severity"] == "error"}
    assert said.code == 4
    assert "users.getUsers: 19.2 hours remaining, until 20" in told["ledger"]["finding"]
    assert told["ledger"]["command"] == "telekeep recover main --when-clear"
    assert told["authorization"]["finding"].startswith("main is not asked about now: ")
    assert kept("emulator", "stats", "--json").json["rpc"] == before


def test_who_else_is_logged_in_waits_and_the_rest_is_asked(kept) -> None:
    flood = ("emulator", "fault", "flood", "--method", "account.getAuthorizations", "--seconds", "3600")
    assert kept(*flood).code == 0
    for _ in range(2):
        said = kept("diagnostics", "--json")
        told = [each["finding"] for each in said.json["findings"] if each["check"] == "authorization"]
        assert any(each.startswith("main is valid") for each in told), told
        assert any("who else is logged in was not asked" in each for each in told), told


@pytest.fixture
def clock(kept, world: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock(world / "clock")
    monkeypatch.setenv("TELEKEEP_TEST_CLOCK", str(clock.path))
    yield clock
    clock.end()


def test_recover_waits_until_it_is_clear_and_then_looks_again(kept, clock: Clock) -> None:
    """003-9, 003-15."""
    assert kept("emulator", "fault", "flood", "--method", "users.getUsers", "--seconds", "3600").code == 0
    assert kept("test", "main").code == 4
    words = [sys.executable, "-m", "telekeep", "recover", "main", "--when-clear"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        assert waiting.stderr is not None
        told = waiting.stderr.readline()
        assert "… waiting for Telegram (users.getUsers of main): " in told and " remaining, until " in told
        clock.jump(boot=3600)  # the wall clock stays as it is: the emulator has the machine's
        out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0 and out.startswith("✓ Waited ") and "All is well" in out, out
    said = kept("recover", "--when-clear", "--json")
    assert said.code == 0 and said.json["waited"] == 0 and said.err == "", "nothing was to be waited for"
