"""Bad days: Telegram is ill, the line is bad, the machine sleeps. Nobody is logged out, and all go on by themselves."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from stories.borrowing.lending import PROGRAMS, Lending, until
from stories.conftest import CODE, PHONE
from stories.days import Clock, Worker
from stories.relay import Relay
from telekeep.cli.demo.stage import Stage

WHOLE = bool(os.environ.get("TELEKEEP_STORM"))
DAY = 86_400.0
OTHER = "9996625678"
ASKING = PROGRAMS / "asking.py"


@pytest.fixture
def lending(kept: Stage) -> Iterator[Lending]:
    with Lending(kept) as lending:
        yield lending
        lending.check()


def log_in_other(lending: Lending) -> None:
    lending.telegram("account", phone=OTHER, messages=3)
    lending.ok("auth", "other", "--phone", OTHER, "--code", CODE)


@pytest.mark.storm
def test_a_telegram_that_answers_500_for_ten_minutes_logs_nobody_out(lending: Lending) -> None:
    """000-F11, 003-F1: the original took any error for "not logged in", and asked for a code every four minutes."""
    log_in_other(lending)
    workers = [Worker(lending.stage, ASKING, "main"), Worker(lending.stage, ASKING, "other", "direct")]
    for each in workers:
        each.says("ok")
    before, pid = lending.stats(), lending.daemon()
    began = time.monotonic()
    lending.telegram("fault", kind="error", code=-500, message="No workers running", times=1_000_000)
    for each in workers:
        each.says("trouble", past=1)
    lending.telegram("fault", kind="close")  # and whoever has to connect anew meets it too
    said = lending.telekeep("test", "main", "--json")
    assert (said.code, json.loads(said.out)["state"]) == (5, "network"), said
    time.sleep(600 if WHOLE else 1)
    seconds = time.monotonic() - began
    asked = lending.stats()["rpc"] - before["rpc"]
    assert asked < 25 * seconds, "nobody hammers"
    lending.telegram("clear")
    for each in workers:
        each.says("ok", past=0)
        assert each.process.poll() is None
    seen = lending.check()
    assert (lending.daemon(), seen["codes_sent"], seen["handshakes"]) == (
        pid,
        before["codes_sent"],
        before["handshakes"],
    )
    states = {each["name"]: each["state"] for each in json.loads(lending.ok("status", "--json"))["sessions"]}
    assert states == {"main": "kept", "other": "kept"}


@pytest.mark.storm
def test_every_second_connection_is_dropped_and_every_message_is_sent_once(kept: Stage) -> None:
    def lasts(number: int) -> int:
        return 1 if number % 2 == 0 else 1_500

    lending = Lending(kept)
    log_in_other(lending)
    with Relay(kept, lasts) as relay, lending:
        count = 60 if WHOLE else 8
        programs = [
            lending.start("sending.py", "main", "borrowed", str(count)),
            lending.start("sending.py", "other", "direct", str(count), "direct"),
        ]
        for each in programs:
            said, err = each.communicate(timeout=600 if WHOLE else 200)
            kept.running.remove(each)
            assert each.returncode == 0 and said.endswith("all\n"), (said, err)
        assert relay.accepted >= 5, "the line was bad enough"
        for name, text in (("main", "borrowed"), ("other", "direct")):
            history = Counter(each.partition(" ")[2] for each in lending.run("history.py", name).out.splitlines())
            mine = {each: found for each, found in history.items() if each.startswith(text)}
            assert mine == {f"{text} {number}": 1 for number in range(count)}
        lending.check()


@pytest.mark.storm
@pytest.mark.parametrize("owned", [True, False], ids=["through the daemon", "alone"])
def test_an_answer_that_takes_twenty_seconds_is_waited_for(lending: Lending, owned: bool) -> None:
    seconds = 20.0 if WHOLE else 1.0
    if owned:
        lending.lend()
        lending.ok("test", "main")  # what the owner asks for itself when it begins is on its way before this
    before = lending.stats()
    lending.telegram("fault", kind="delay", method="users.getUsers", seconds=seconds)
    began = time.monotonic()
    said = lending.telekeep("test", "main")
    assert said.code == 0, said
    assert time.monotonic() - began >= seconds
    seen = lending.check()
    assert seen["rpc"] - before["rpc"] <= (1 if owned else 4), "asked once"
    assert seen["connections"] - before["connections"] == (0 if owned else 1)


def test_a_laptop_that_sleeps_for_a_day_wakes_up_with_its_session(kept: Stage, clock: Clock) -> None:
    with Lending(kept) as lending:
        worker = Worker(kept, ASKING, "main")
        worker.says("ok")
        pid = lending.daemon()
        assert pid is not None
        holder = _session(lending)["holder"]
        before = lending.stats()
        for each in (pid, worker.process.pid):
            os.kill(each, signal.SIGSTOP)
        lending.telegram("fault", kind="close")  # Telegram has not waited
        lending.telegram("send", to=PHONE, text="in the night", count=3)
        said = lending.telekeep("test", "main", "--json", "--timeout", "3")
        assert (said.code, json.loads(said.out)["error"]) == (3, "SessionBusy"), (
            "asleep, it holds the session all the same"
        )
        clock.pass_by(DAY)
        for each in (pid, worker.process.pid):
            os.kill(each, signal.SIGCONT)
        worker.says("ok")
        now = _session(lending)
        assert now["holder"]["pid"] == pid and now["holder"]["fence"] >= holder["fence"]
        checked = until(lambda: (_session(lending)["health"] or {}).get("outcome"))
        assert checked == "ok", "it was due, and is asked about soon after"
        assert lending.run("history.py", "main").out.count("in the night") == 3
        seen = lending.check()
        assert seen["connections"] - before["connections"] <= 4
        assert (seen["handshakes"], seen["codes_sent"]) == (before["handshakes"], before["codes_sent"])


def _session(lending: Lending) -> dict[str, Any]:
    (found,) = json.loads(lending.ok("status", "main", "--json"))["sessions"]
    return dict(found)
