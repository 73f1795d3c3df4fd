"""`telekeep test`: the documents' words, and an exit code that says what kind of "no" it is (000-16, 002-9)."""

from __future__ import annotations

import os
import signal
import time
import tomllib
from pathlib import Path

import pytest

from telekeep.cli import options
from telekeep.keeper import deadline
from telekeep.keeper.keeper import Keeper

PHONE, CODE = "9996621234", "22222"


@pytest.fixture
def kept(served, call, monkeypatch: pytest.MonkeyPatch):
    """A session called main, logged in on the emulator."""
    monkeypatch.setenv("TELEKEEP_NETWORK", "net.toml")
    assert call("emulator", "account", "--phone", PHONE).code == 0
    said = call("auth", "main", "--phone", PHONE, "--code", CODE)
    assert said.code == 0, said
    return call


def test_a_valid_session_in_the_documents_words(kept) -> None:
    said = kept("test", "main")
    lines = said.out.splitlines()
    assert said.code == 0 and said.err == ""
    assert lines[0] == "✓ Session is valid" and lines[1].startswith("✓ Your ID: ") and lines[1].split()[-1].isdigit()
    assert lines[2] == "✓ No username set" or lines[2].startswith("✓ Your username: @")
    found = kept("test", "main", "--json").json
    assert set(found) == {"name", "state", "error", "remedy", "user"} and set(found["user"]) == {"id", "username"}
    assert (found["name"], found["state"], found["error"], found["remedy"]) == ("main", "ok", None, None)
    assert str(found["user"]["id"]) in lines[1]
    assert kept("test", "main", "--quiet").out == ""


def test_a_test_is_a_use(kept) -> None:
    assert kept("status", "--json").json["sessions"][0]["level"] == "recent"
    assert kept("test", "main").code == 0
    assert "used " in kept("status", "--json").json["sessions"][0]["recommendation"]


def test_a_session_that_was_ended_needs_a_login_and_asks_nobody(kept) -> None:
    """000-F10: the original prompted for a phone number here, and always ended with 0."""
    before = kept("emulator", "stats", "--json").json["codes_sent"]
    assert kept("emulator", "fault", "revoke", "--phone", PHONE).code == 0
    said = kept("test", "main")
    assert said.code == 1
    first, second = said.out.splitlines()
    assert (
        first.startswith("✗ Session is invalid: ")
        and second.startswith("Solution: ")
        and "`telekeep auth main --replace`" in second
    )
    found = kept("test", "main", "--json")
    assert found.code == 1 and (found.json["state"], found.json["error"]) == ("needs_login", "AuthKeyRevoked")
    assert kept("emulator", "stats", "--json").json["codes_sent"] == before


def test_a_flood_says_nothing_about_the_session(kept) -> None:
    """000-F11: Telethon's own check takes every error for "not logged in"."""
    assert kept("emulator", "fault", "flood", "--seconds", "79200").code == 0
    said = kept("test", "main")
    assert said.code == 4 and said.out.startswith("✗ Session could not be tested: ")
    assert "22.0 h" in said.out and "79200" not in said.out
    asked = kept("emulator", "stats", "--json").json["rpc"]
    assert kept("test", "main").code == 4
    assert kept("emulator", "stats", "--json").json["rpc"] == asked, "nobody asks before the time"


def test_a_session_in_use_is_not_touched(kept, keeper: Keeper) -> None:
    """002-17: a script that comes while workers run does not speak to Telegram."""
    before = kept("emulator", "stats", "--json").json["rpc"]
    lease = keeper.leases.try_acquire(keeper.vault.load("main").auth_key.id)
    said = kept("test", "main", "--json")
    lease.release()
    assert said.code == 3 and (said.json["state"], said.json["error"]) == ("conflict", "SessionBusy")
    assert kept("emulator", "stats", "--json").json["rpc"] == before


def test_a_line_that_is_dead_is_a_matter_of_the_network(kept, served) -> None:
    assert kept("emulator", "stop").code == 0
    served.wait(timeout=30)
    said = kept("test", "main", "--timeout", "5", "--json")
    assert said.code == 5 and said.json["state"] == "network" and said.json["remedy"]


def test_a_program_that_logs_goes_on_getting_telethons_lines(kept, served, caplog: pytest.LogCaptureFixture) -> None:
    assert kept("emulator", "stop").code == 0
    served.wait(timeout=30)
    assert kept("test", "main", "--timeout", "5").code == 5
    assert any(record.name.startswith("telethon") for record in caplog.records)


def test_telethons_own_log_lines_stay_off_the_terminal(kept, served, process) -> None:
    assert kept("emulator", "stop").code == 0
    served.wait(timeout=30)
    said = process("test", "main", "--timeout", "5")
    assert said.code == 5 and "Attempt" not in said.err


def test_what_is_not_kept_or_not_readable(kept, world: Path) -> None:
    said = kept("test", "nobody")
    assert said.code == 1 and said.out.startswith("✗ Session could not be tested: "), "Telegram was not asked"
    (world / "keys" / "key").unlink()
    assert kept("test", "main").out.startswith("✗ Session could not be tested: ")
    said = kept("test", "main", "--json")
    assert said.code == 7 and (said.json["state"], said.json["error"]) == ("corrupt", "SessionSealed")


def test_a_daemon_that_hangs_does_not_hang_the_test(kept, process, world: Path) -> None:
    """000-16: so many seconds in all, whoever does not answer."""
    assert process("lend", "main").code == 0
    pid = tomllib.loads((world / "home" / "run" / "daemon.toml").read_text())["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        said = kept("test", "main", "--timeout", "5", "--json")
        took = time.monotonic() - began
    finally:
        os.kill(pid, signal.SIGCONT)
        process("daemon", "stop")
    assert said.code == 3 and said.json["state"] == "conflict", said
    assert took < 15, "the daemon was not waited for beyond the time that was given"


def test_a_telegram_that_does_not_answer_in_the_documents_words(kept) -> None:
    """000-8."""
    assert kept("emulator", "fault", "delay", "--method", "users.getUsers", "--seconds", "30").code == 0
    said = kept("test", "main", "--timeout", "1")
    assert said.code == 5
    first, second = said.out.splitlines()
    assert first.startswith("✗ Session could not be tested: Timeout connecting to Telegram")
    assert second.startswith("Solution: Please try again")


def test_standard_input_is_never_read(kept, process) -> None:
    """000-F10: the original sat there, waiting for a phone number."""
    assert kept("emulator", "fault", "revoke", "--phone", PHONE).code == 0
    said = process("test", "main", stdin="+14155552671\n12345\n")
    assert said.code == 1 and "Session is invalid" in said.out
    assert kept("emulator", "stats", "--json").json["codes_sent"] == 1, "the one of the login"


def test_the_option_and_the_rule_know_one_deadline() -> None:
    """It is written down twice, as the rule takes long to load."""
    assert options.ALL_IN_ALL == deadline.SECONDS
