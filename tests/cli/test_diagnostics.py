"""`telekeep diagnostics`: every check in its own words, an exit code by the worst, and no secret."""

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
    said = call("auth", "main", "--phone", PHONE, "--code", CODE)
    assert said.code == 0, said
    return call


def of(said, check: str) -> list[dict[str, object]]:
    return [each for each in said.json["findings"] if each["check"] == check]


def test_all_is_well(kept) -> None:
    said = kept("diagnostics")
    assert said.code == 0 and said.err == "", said
    headings = [line for line in said.out.splitlines() if not line.startswith(" ")]
    assert headings[:4] == ["configuration", "permissions", "repository", "clock"]
    assert {"vault", "lease", "daemon", "network", "authorization", "versions"} <= set(headings)
    assert "✓ main is valid (user " in said.out and "after 180 days" in said.out
    assert "layer " in said.out, "by then Telethon was loaded"
    assert kept("diagnostics", "--quiet").out == ""


def test_one_json_object_with_remedy_and_next_command(kept) -> None:
    assert kept("emulator", "fault", "revoke", "--phone", PHONE).code == 0
    said = kept("diagnostics", "--json")
    assert said.code == 1 == said.json["exit_code"]
    (found,) = of(said, "authorization")
    assert (found["severity"], found["session"], found["error"]) == ("error", "main", "AuthKeyRevoked")
    assert found["command"] == "telekeep auth main --replace" and found["mends"] is None


def test_offline_connects_to_nothing(kept) -> None:
    before = kept("emulator", "stats", "--json").json
    said = kept("diagnostics", "--offline", "--json")
    assert said.code == 0 and not of(said, "network") and not of(said, "authorization")
    after = kept("emulator", "stats", "--json").json
    assert (after["connections"], after["rpc"]) == (before["connections"], before["rpc"])


def test_nobody_is_asked_for_a_code_and_no_session_is_used_twice(kept) -> None:
    before = kept("emulator", "stats", "--json").json
    assert kept("diagnostics").code == 0
    after = kept("emulator", "stats", "--json").json
    for counter in ("codes_sent", "logins", "handshakes", "duplicated", "overlap"):
        assert after[counter] == before[counter], counter


def test_a_session_in_use_is_left_alone(kept, keeper: Keeper) -> None:
    lease = keeper.leases.try_acquire(keeper.vault.load("main").auth_key.id)
    said = kept("diagnostics", "--json")
    lease.release()
    assert said.code == 0
    (asked,) = of(said, "authorization")
    assert (asked["severity"], asked["error"]) == ("note", "SessionBusy")
    assert "pid" in str(of(said, "lease")[0]["finding"])


def test_a_network_that_is_gone(kept, served) -> None:
    assert kept("emulator", "stop").code == 0
    served.wait(timeout=30)
    said = kept("diagnostics", "--json")
    assert said.code == 5 and of(said, "network")[0]["error"] == "TelegramNetworkError"
    assert of(said, "vault")[0]["severity"] == "ok", "the rest is heard all the same"


def test_the_first_error_from_the_ground_up_is_the_one_it_ends_with(kept, keeper: Keeper, served) -> None:
    assert kept("emulator", "stop").code == 0
    served.wait(timeout=30)
    keeper.home.key_file.chmod(0o644)
    said = kept("diagnostics", "--json")
    assert said.code == 6
    (found,) = of(said, "permissions")
    assert found["command"] == f"chmod 600 {keeper.home.key_file}" and str(found["mends"]).startswith("Close ")


def test_a_damaged_record_is_named_and_harms_no_other(kept, keeper: Keeper) -> None:
    keep(keeper, "other", new_session(network=keeper.network.name))
    keeper.close()
    connection = sqlite3.connect(keeper.home.vault / "sessions.db")
    with connection:
        connection.execute("UPDATE generations SET sealed = zeroblob(length(sealed)) WHERE name = 'other'")
    connection.close()
    said = kept("diagnostics", "--json")
    assert said.code == 7
    (found,) = of(said, "vault")
    assert (found["session"], found["error"]) == ("other", "SessionCorrupt")
    assert [each["severity"] for each in of(said, "authorization")] == ["ok"]


def test_names_choose_the_sessions_and_unknown_ones_are_told(kept, keeper: Keeper) -> None:
    keep(keeper, "other")
    said = kept("diagnostics", "main", "--json")
    assert said.code == 0 and [each["session"] for each in of(said, "authorization")] == ["main"]
    said = kept("diagnostics", "nobody", "--json")
    assert said.code == 1 and of(said, "vault")[-1]["error"] == "SessionNotFound"


def test_a_session_of_another_network_is_not_shown_to_strangers(kept, keeper: Keeper) -> None:
    keep(keeper, "real")  # of production
    before = kept("emulator", "stats", "--json").json["connections"]
    said = kept("diagnostics", "real", "--json")
    (found,) = of(said, "authorization")
    assert found["severity"] == "note" and "production" in str(found["finding"])
    knocks = len({dc["id"] for dc in tomllib.loads(Path("net.toml").read_text())["dc"]})
    assert kept("emulator", "stats", "--json").json["connections"] - before <= knocks


def test_an_empty_home(call, monkeypatch: pytest.MonkeyPatch) -> None:
    said = call("diagnostics", "--offline", "--json")
    assert said.code == 0 and of(said, "vault")[0]["command"] == "telekeep auth NAME"


def test_no_secret_is_said(kept, keeper: Keeper, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "0123456789abcdef" * 2
    (world / ".env").write_text(f"TELEGRAM_SESSION_STRING=1{'A' * 352}\n")
    monkeypatch.setenv("TELEGRAM_API_HASH", secret)
    key = keeper.vault.load("main").auth_key.reveal().hex()
    for words in ((), ("--json",)):
        said = kept("diagnostics", *words)
        for hidden in (secret, "A" * 50, key, keeper.home.key_file.read_text().strip()):
            assert hidden not in said.out + said.err


@pytest.fixture
def lent(kept, process, world: Path):
    """The daemon owns main."""
    said = process("lend", "main")
    assert said.code == 0, said
    yield process
    process("daemon", "stop")


def test_what_the_daemon_owns_is_asked_through_it(lent, kept) -> None:
    said = kept("diagnostics", "--json")
    assert said.code == 0, said
    assert "daemon (pid" in str(of(said, "lease")[0]["finding"])
    assert [each["severity"] for each in of(said, "authorization")] == ["ok"]
    assert kept("emulator", "stats", "--json").json["overlap"] == 0


def test_a_daemon_that_hangs_is_told_and_does_not_hang_us(lent, kept, world: Path) -> None:
    pid = tomllib.loads((world / "home" / "run" / "daemon.toml").read_text())["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        said = kept("diagnostics", "--json")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert said.code == 8
    (found,) = of(said, "daemon")
    assert found["command"] == "telekeep daemon restart"
    assert of(said, "authorization")[0]["error"] == "SessionBusy", "it has the session still"


def kill_daemon(world: Path) -> None:
    os.kill(tomllib.loads((world / "home" / "run" / "daemon.toml").read_text())["pid"], signal.SIGKILL)
    while not is_free(home()):
        time.sleep(0.01)


def test_a_daemon_that_was_killed_leaves_nothing_that_harms(kept, process, world: Path) -> None:
    assert process("daemon", "start").code == 0
    kill_daemon(world)
    said = kept("diagnostics", "--json")
    assert said.code == 0
    mends = [each["mends"] for each in of(said, "daemon")]
    assert any("daemon.toml" in str(each) for each in mends)


def test_loans_that_nobody_serves_since_the_daemon_was_killed_are_told(lent, kept, world: Path) -> None:
    kill_daemon(world)
    said = kept("diagnostics", "--offline", "--json")
    (found,) = of(said, "daemon")
    assert said.code == 8 and "loans of main are not served" in str(found["finding"])
    assert (found["command"], found["mends"]) == ("telekeep recover", "Restart the daemon")


def test_to_be_asked_about_is_a_use(kept) -> None:
    assert kept("status", "main", "--json").json["sessions"][0]["level"] == "recent"
    assert kept("diagnostics").code == 0
    assert "used " in kept("status", "main", "--json").json["sessions"][0]["recommendation"]


def test_how_fully_programs_of_other_releases_are_served(call) -> None:
    said = call("diagnostics", "--offline", "--programs", "--json")
    told = [str(each["finding"]) for each in of(said, "programs")]
    assert any("Telethon 1.26" in each and "methods are refused" in each for each in told), told
    assert len(of(call("diagnostics", "--offline", "--json"), "programs")) == 1
