"""Jobs that the daemon keeps going: restarted, never twice at once, quiet while they must be, resumed when clear."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from stories.borrowing.lending import Lending, until
from stories.conftest import CODE, PHONE
from stories.days import Clock
from telekeep.cli.demo.stage import Stage

BOT = """\
import os, signal, sys, time

def end(*_):
    print("flushed", os.getpid(), flush=True)
    sys.exit(0)

signal.signal(signal.SIGTERM, end)
print("begun", os.getpid(), flush=True)
while True:
    time.sleep(60)
"""


@pytest.fixture
def lending(kept: Stage) -> Iterator[Lending]:
    with Lending(kept) as lending:
        yield lending


def jobs(lending: Lending) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads(lending.ok("jobs", "list", "--json"))["jobs"]}


def said(lending: Lending, job: str) -> list[list[str]]:
    """The words of each line that is whole: a program without a buffer writes a line in pieces."""
    log = lending.where().log / "jobs" / f"{job}.log"
    whole = log.read_text().rpartition("\n")[0] if log.exists() else ""
    return [line.split() for line in whole.splitlines()]


def pids(lending: Lending, word: str) -> list[int]:
    return [int(line[1]) for line in said(lending, "bot") if line[0] == word]


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return not Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].startswith(" Z")
    return False


def is_over(job: dict[str, Any]) -> bool:
    """Whether it does not run, and waits for no moment: only another login lets it go on."""
    rests = job["state"] == "needs a login" and not job["next_run"]
    return not job["pid"] and (rests or job["state"].startswith("set aside"))


def test_a_program_is_kept_going_once_whoever_is_killed(lending: Lending) -> None:
    bot = lending.stage.write("bot.py", BOT)
    lending.ok("jobs", "add", "bot", "--", "run", "main", "--", "python", str(bot))
    first = until(lambda: pids(lending, "begun"))[0]
    until(lambda: jobs(lending)["bot"]["state"] == "running")

    os.kill(first, signal.SIGKILL)
    second = until(lambda: pids(lending, "begun")[1:])[0]

    lending.kill_daemon()
    until(lambda: second in pids(lending, "flushed"))
    lending.ok("daemon", "start")
    third = until(lambda: pids(lending, "begun")[2:])[0]
    begun = pids(lending, "begun")
    assert [pid for pid in begun if is_alive(pid)] == [third], "never two of one job"

    lending.ok("jobs", "stop", "bot")
    assert third in pids(lending, "flushed") and not is_alive(third), "it had its grace, and used it"
    lending.ok("daemon", "restart")
    assert jobs(lending)["bot"]["state"] == "stopped"
    lending.ok("jobs", "start", "bot")
    fourth = until(lambda: pids(lending, "begun")[3:])[0]

    lending.ok("daemon", "stop")
    assert fourth in pids(lending, "flushed") and not is_alive(fourth), "the daemon waits for its jobs"
    assert jobs(lending)["bot"]["state"] == "waiting"
    lending.ok("jobs", "remove", "bot")
    assert jobs(lending) == {}
    lending.check()


def test_a_job_is_quiet_while_telegram_says_not_before_and_goes_on_when_it_is_over(
    kept: Stage, clock: Clock, lending: Lending
) -> None:
    """003-14, 003-15: a flood of 22 hours."""
    lending.ok("emulator", "fault", "flood", "--method", "users.getUsers", "--seconds", "79200")
    lending.ok("jobs", "add", "check", "--every", "1s", "--", "test", "main")
    found = until(lambda: (job := jobs(lending)["check"])["state"] == "rate limited" and job)
    assert found["result"] == "rate limited"
    assert 79_000 < found["next_run"] - found["ended_at"] < 79_400
    asked = lending.stats()["rpc"]
    lending.ok("daemon", "restart")
    assert jobs(lending)["check"]["state"] == "rate limited"
    assert lending.stats()["rpc"] - asked <= 4, "the owner's own start; the job has asked nothing"
    assert "check" in lending.ok("status")
    lending.telegram("advance", seconds=79_300)
    clock.pass_by(79_300)
    until(lambda: jobs(lending)["check"]["result"] == "ok")
    lending.check()


def test_a_job_ends_with_its_session_and_goes_on_with_the_next_login(lending: Lending) -> None:
    bot = lending.stage.write("bot.py", BOT)
    lending.ok("jobs", "add", "bot", "--", "run", "main", "--", "python", str(bot))
    lending.ok("jobs", "add", "check", "--every", "1s", "--", "test", "main")
    first = until(lambda: pids(lending, "begun"))[0]
    until(lambda: jobs(lending)["check"]["result"] == "ok")

    lending.ok("emulator", "fault", "revoke", "--phone", PHONE)
    until(lambda: first in pids(lending, "flushed"))
    until(lambda: all(map(is_over, jobs(lending).values())))
    codes = lending.stats()["codes_sent"]

    lending.ok("auth", "main", "--phone", PHONE, "--code", CODE, "--password-file", "password", "--replace")
    until(lambda: pids(lending, "begun")[1:])
    until(lambda: (job := jobs(lending)["check"])["result"] == "ok" and not job["failures"])
    assert lending.stats()["codes_sent"] == codes + 1, "the person's own"
    lending.check()


def test_what_cannot_be_a_job_is_said_and_a_table_can_be_edited_by_hand(lending: Lending) -> None:
    for words, code, word in (
        (("add", "x", "--", "auth", "main"), 2, "no command that a job may be"),
        (("add", "x", "--every", "now", "--", "test", "main"), 2, "no interval"),
        (("start", "x"), 6, "no job 'x'"),
        (("logs", "x"), 6, "no job 'x'"),
    ):
        refused = lending.telekeep("jobs", *words)
        assert refused.code == code and word in refused.err, refused
    assert lending.daemon() is None, "nothing was started for it"

    lending.ok("jobs", "add", "check", "--cron", "0 3 * * *", "--", "test", "main")
    table = lending.where().root / "jobs.toml"
    table.write_text(
        table.read_text().replace("0 3 * * *", "30 4 * * *") + '\n[more]\ncommand = ["test", "main"]\nevery = 3600\n'
    )
    until(lambda: "more" in (found := jobs(lending)) and found["check"]["schedule"] == "cron 30 4 * * *")
    until(lambda: jobs(lending)["more"]["result"] == "ok")
    assert any("Session is valid" in " ".join(line) for line in said(lending, "more"))
    lending.ok("jobs", "start", "check", "--now")
    until(lambda: jobs(lending)["check"]["result"] == "ok")
