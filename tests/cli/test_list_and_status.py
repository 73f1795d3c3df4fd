"""`telekeep list` and `telekeep status`: at once, without the key, and resting on the last use (002-8)."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from cli.helpers import keep
from telekeep.cli.advice import DAY
from telekeep.clock import Moment, SystemClock
from telekeep.errors import SessionNotFound
from telekeep.keeper.keeper import Keeper
from telekeep.pace.ledger import Deadline
from telekeep.words import moment

HEAVY = (
    "telethon",
    "asyncio",
    "cryptography",
    "rich",
    "psutil",
    "filelock",
    "cryptg",
    "keyring",
    "segno",
    "logging",
    "hashlib",
)


def test_none_is_exit_1_and_says_how_to_begin(call) -> None:
    said = call("status")
    assert said.code == 1 and said.out == "" and "telekeep auth NAME" in said.err
    assert call("status", "--json").json["error"] == "SessionNotFound"
    assert call("status", "--quiet").code == 1
    said = call("list")
    assert said.code == 0 and "telekeep auth NAME" in said.out
    assert call("list", "--json").json == {"sessions": []}
    assert call("list", "-q").out == ""


def test_looking_makes_nothing(call, world: Path) -> None:
    call("status"), call("list")
    assert not (world / "home").exists() and not (world / "state").exists() and not (world / "keys").exists()


def test_status_tells_age_size_generation_and_what_to_do(call, keeper: Keeper) -> None:
    session = keep(keeper)
    keeper.vault.touch("main", fence=1, at=time.time() - 3 * 3600 - 5)
    keep(keeper, "other")
    keeper.vault.flush()
    said = call("status")
    assert said.code == 0
    main, other = said.out.splitlines()[1:]
    assert main.split()[:5] == ["main", "kept", "3", "h", "ago"] and main.endswith("used 3 h ago: nothing to do")
    assert "never" in other and "`telekeep test other`" in other
    facts = call("status", "main", "--json").json["sessions"]
    assert len(facts) == 1
    assert facts[0]["age"] == pytest.approx(3 * 3600 + 5, abs=600)
    assert facts[0] | {"age": 0, "last_used_at": 0, "created_at": 0, "saved_at": 0, "size": 0} == {
        "name": "main", "state": "kept", "network": "production", "dc": session.dc.id, "held": False, "holder": None,
        "last_used_at": 0, "age": 0, "created_at": 0, "saved_at": 0, "size": 0, "generation": 1, "level": "recent",
        "recommendation": "used 3 h ago: nothing to do", "owner": None, "health": None, "quarantine": None,
        "floods": {}, "intervals": {}, "alarms": [],
    }  # fmt: skip
    assert facts[0]["size"] > 300


def test_one_session_has_a_page_of_its_own(call, keeper: Keeper) -> None:
    keep(keeper)
    keeper.vault.touch("main", fence=1, at=time.time() - 31 * DAY)
    keeper.vault.flush()
    said = call("status", "main")
    assert said.code == 0
    assert "last used   31 days ago" in said.out and "held by     nobody" in said.out
    assert "→ not used for 31 days: consider `telekeep test main`" in said.out


def test_the_steps_can_be_set(call, keeper: Keeper, monkeypatch: pytest.MonkeyPatch, world: Path) -> None:
    """X-2: 14, 30 and 90 days are a policy, not a law."""
    keep(keeper)
    keeper.vault.touch("main", fence=1, at=time.time() - 2 * DAY)
    keeper.vault.flush()

    def level(*words: str) -> str:
        return call("status", "--json", *words).json["sessions"][0]["level"]

    assert level() == "recent"
    assert level("--age-days", "1,3,9") == "idle"
    (world / ".env").write_text("TELEKEEP_AGE_DAYS=0.5,1,1.5\n")
    assert level() == "overdue"
    (world / ".env").unlink()
    monkeypatch.setenv("TELEKEEP_AGE_DAYS", "0.5,1,9")
    assert level() == "consider"
    assert level("--age-days", "1,3,9") == "idle", "what is typed wins"
    assert call("status", "--age-days", "9,3,1").code == 2
    monkeypatch.setenv("TELEKEEP_AGE_DAYS", "9,3,1")
    assert call("status").code == 6, "a setting, no word of the command line"


def test_the_holder_is_shown_as_long_as_it_lives(call, keeper: Keeper, world: Path) -> None:
    session = keep(keeper)
    code = (
        "import sys\nfrom telekeep.clock import SystemClock\nfrom telekeep.lease.local import LocalLeases\n"
        f"lease = LocalLeases(clock=SystemClock()).try_acquire({session.auth_key.id}, purpose='a test')\n"
        "print('held', flush=True)\nsys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout and holder.stdout.readline() == "held\n"
    (facts,) = call("status", "--json").json["sessions"]
    assert facts["held"] and facts["level"] == "in use"
    assert (facts["holder"]["pid"], facts["holder"]["purpose"]) == (holder.pid, "a test")
    assert facts["holder"]["since"] == pytest.approx(time.time(), abs=60)
    assert f"pid {holder.pid}" in call("status").out
    assert f"pid {holder.pid} of " in call("status", "main").out
    holder.kill()
    holder.communicate()
    (facts,) = call("status", "--json").json["sessions"]
    assert not facts["held"] and facts["holder"] is None


def test_what_was_set_aside_is_listed_and_not_counted(call, keeper: Keeper) -> None:
    session = keep(keeper)
    lease = keeper.leases.try_acquire(session.auth_key.id, floor=1)
    keeper.vault.remove("main", fence=lease.fence)
    lease.release()
    assert call("status").code == 1
    assert [each["state"] for each in call("list", "--json").json["sessions"]] == ["removed"]
    assert call("list", "-q").out == ""
    said = call("status", "main")
    assert said.code == 1 and "telekeep remove main --undo" in said.out


def test_list_quiet_is_names_alone(call, keeper: Keeper) -> None:
    for name in ("b", "a"):
        keep(keeper, name)
    assert call("list", "--quiet").out == "a\nb\n"
    assert [each["name"] for each in call("list", "--json").json["sessions"]] == ["a", "b"]
    assert call("list").out.splitlines()[0].split()[:2] == ["NAME", "STATE"]


def test_status_quiet_is_the_exit_code_alone(call, keeper: Keeper) -> None:
    """002-F15: the original ignored --quiet here."""
    keep(keeper)
    said = call("status", "--quiet")
    assert (said.code, said.out, said.err) == (0, "", "")


def test_a_name_that_is_not_kept_is_exit_1(call, keeper: Keeper) -> None:
    keep(keeper)
    said = call("status", "nobody", "--json")
    assert said.code == SessionNotFound.exit_code == 1 and said.json["error"] == "SessionNotFound"


def test_a_vault_that_cannot_be_read_is_not_an_empty_one(call, keeper: Keeper, world: Path) -> None:
    keep(keeper)
    keeper.vault.close()
    (world / "home" / "vault" / "sessions.db").write_bytes(b"SQLite format 3\0" + os.urandom(4096))
    assert call("status").code == 7
    assert call("list").code == 7


def test_status_needs_no_key(call, keeper: Keeper, world: Path) -> None:
    keep(keeper)
    (world / "keys" / "key").unlink()
    assert call("status").code == 0 and call("list").code == 0


@pytest.mark.parametrize("words", ["status", "status main", "status --json", "list", "list --json"])
def test_status_and_list_load_nothing_heavy(keeper: Keeper, world: Path, words: str) -> None:
    keep(keeper)
    code = (
        "import sys\nfrom telekeep.cli.main import main\n"
        f"code = main({words.split()!r})\n"
        f"heavy = sorted(set({HEAVY!r}) & set(sys.modules))\n"
        "print(code, heavy, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr == "0 []\n"
    assert "main" in done.stdout


@pytest.mark.parametrize("command", ["status", "list"])
def test_a_network_that_does_not_exist_does_not_go_unnoticed(call, keeper: Keeper, monkeypatch, command: str) -> None:
    keep(keeper)
    said = call(command, "--network", "bogus")
    assert said.code == 6 and "'bogus'" in said.err
    monkeypatch.setenv("TELEKEEP_NETWORK", "prodution")
    assert call(command).code == 6
    monkeypatch.setenv("TELEKEEP_NETWORK", "test")
    assert call(command).code == 0


@pytest.mark.parametrize("command", ["status", "list", "vault status", "test main"])
def test_a_home_that_is_no_folder_is_not_taken_for_an_empty_one(call, world: Path, command: str) -> None:
    (world / "file").write_text("mine")
    said = call(*command.split(), "--home", "file", "--json")
    told = said.json
    assert (said.code, told.get("error", told.get("state"))) == (6, "ConfigError"), said
    assert call("list", "--home", "/dev/null/x").code == 6


@pytest.mark.parametrize("command", ["status", "status main", "list", "test main"])
def test_a_vault_damaged_as_a_whole_is_not_sent_to_its_own_history(call, keeper: Keeper, command: str) -> None:
    keep(keeper)
    keeper.close()
    (keeper.home.vault / "sessions.db").write_bytes(b"no database at all " * 300)
    said = call(*command.split())
    assert said.code == 7
    shown = said.out + said.err
    assert "--home" in shown and "history" not in shown and "NAME" not in shown


def test_status_shows_what_is_not_to_be_asked_before(call, keeper: Keeper) -> None:
    """003-8: precise timelines."""
    keep(keeper)
    at = Moment.now(SystemClock())
    keeper.ledger.note(Deadline("production user 1", "messages.search", "FLOOD_WAIT", 69_120.0, at, who="main"))
    (facts,) = call("status", "main", "--json").json["sessions"]
    assert facts["floods"] == {"messages.search": pytest.approx(69_120, abs=60)}
    assert "not before  messages.search: 19.2 hours remaining, until " in call("status", "main").out


def test_the_overview_shows_the_waits_with_their_end_and_what_goes_slower_since(call, keeper: Keeper) -> None:
    keep(keeper), keep(keeper, "other")
    assert "wait" not in call("status").out
    at = Moment.now(SystemClock())

    def note(subject: str, method: str, seconds: float, who: str) -> None:
        keeper.ledger.note(Deadline(subject, method, "FLOOD_WAIT", seconds, at, who=who))

    note("user 1", "messages.search", 69_120.0, "main")
    note("user 2", "messages.getHistory", 600.0, "other")
    note("user 3", "messages.sendMessage", 600.0, "of another home")
    table, _, below = call("status").out.partition("\n\n")
    assert len(table.splitlines()) == 3
    ends = {moment(at.wall + 69_120 + slack) for slack in (-1, 0, 1)}  # told in minutes, and two clocks are asked
    waits, slowed = below.split("\n\n")
    assert waits.splitlines()[0] == "Telegram asks to wait:"
    first, _, until = waits.splitlines()[1].partition(", until ")
    assert first == "  main   messages.search: 19.2 hours remaining" and until in ends
    assert waits.splitlines()[2].startswith("  other  messages.getHistory: 10 minutes remaining, until ")
    assert slowed.splitlines() == [
        "Slowed down since:", "  main   messages.search: a call every 0.5 s",
        "  other  messages.getHistory: a call every 0.5 s",
    ]  # fmt: skip
    for number in range(20):
        note("user 1", f"messages.search{number}", 60.0, "main")
    assert "… and 12 more" in call("status").out


def test_status_with_waits_loads_nothing_heavy_either(keeper: Keeper, world: Path) -> None:
    keeper.ledger.note(Deadline("u", "messages.search", "FLOOD_WAIT", 600.0, Moment.now(SystemClock()), who="main"))
    test_status_and_list_load_nothing_heavy(keeper, world, "status")


def test_status_shows_a_session_that_is_set_aside_and_why(call, keeper: Keeper) -> None:
    session = keep(keeper)
    keeper.vault.quarantine(session.auth_key.id, "AuthKeyDuplicated", checked=True, evidence="one\ntwo")
    (facts,) = call("status", "--json").json["sessions"]
    assert (facts["state"], facts["quarantine"]["evidence"]) == ("quarantined", "one\ntwo")
    assert "find the second copy, then `telekeep auth main --replace`" in facts["recommendation"]
    said = call("status", "main").out
    assert "main (quarantined)" in said and "AuthKeyDuplicated" in said and "              two" in said


# ---- what is gone, and lies in a backup


@pytest.fixture
def backed_up(call, keeper: Keeper) -> Keeper:
    keep(keeper), keep(keeper, "other")
    assert call("backup").code == 0
    return keeper


@pytest.mark.parametrize("words", ["status", "status main", "list"])
def test_where_the_vault_is_gone_the_backups_are_named_before_a_login(call, backed_up: Keeper, words: str) -> None:
    backed_up.close()
    shutil.rmtree(backed_up.home.vault)
    said = call(*words.split())
    told = said.out + said.err
    assert "hold" in told and "main" in told
    if words == "status main":
        assert "`telekeep restore main`. Otherwise:" in told and said.code == 1
    else:
        assert "main, other" in told and told.index("telekeep restore NAME") < told.index("telekeep auth NAME")
    assert call("restore", "main", "--yes", "--no-test").code == 0, "what it says works"
    assert call("status", "main").code == 0


@pytest.mark.parametrize("words", ["status", "status main --json"])
def test_where_the_vault_is_damaged_the_backups_are_named(call, backed_up: Keeper, words: str) -> None:
    backed_up.close()
    (backed_up.home.vault / "sessions.db").write_bytes(b"no database at all " * 300)
    said = call(*words.split())
    assert said.code == 7 and "telekeep restore" in said.out + said.err


def test_a_record_that_is_damaged_or_gone_is_told_with_the_backup_that_holds_it(call, backed_up: Keeper) -> None:
    keep(backed_up, "later")  # in no backup
    backed_up.close()
    with closing(sqlite3.connect(backed_up.home.vault / "sessions.db")) as rows, rows:
        rows.execute("UPDATE generations SET dc_id = dc_id + 1 WHERE name IN ('main', 'later')")
        rows.execute("DELETE FROM records WHERE name = 'other'")
    told = {each["name"]: each for each in call("status", "--json").json["sessions"]}
    assert told["main"]["state"] == told["later"]["state"] == "damaged" and told["other"]["state"] == "missing"
    for name in ("main", "other"):
        assert f"holds {name}: `telekeep restore {name}`" in told[name]["recommendation"]
        assert f"`telekeep restore {name}`" in call("status", name).out
    assert "restore" not in told["later"]["recommendation"]


def test_what_was_set_aside_on_purpose_is_not_offered_from_a_backup(call, backed_up: Keeper) -> None:
    for name in ("main", "other"):
        assert call("remove", name, "--yes").code == 0
    said = call("status")
    assert said.code == 1 and "restore" not in said.err
