"""What `telekeep exposed` leaves to a job, because a young login may end no others: that it happens, a day later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stories.borrowing.lending import Lending, line, until
from stories.days import Clock
from stories.test_exposed import PASSWORD, WORKER
from stories.test_the_thief import listed, logged_in
from telekeep.borrow import summon
from telekeep.cli.demo.stage import Stage

DAY = 86_400.0


@pytest.fixture
def lending(kept: Stage, clock: Clock) -> Iterator[Lending]:
    with Lending(kept) as lending:
        yield lending
        lending.check()


def jobs(lending: Lending) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in summon.ask(lending.where(), "jobs")}


def pass_by(lending: Lending, clock: Clock, seconds: float) -> None:
    """Everywhere, Telegram too."""
    lending.telegram("advance", seconds=seconds)
    clock.pass_by(seconds)


def said(lending: Lending, job: str) -> str:
    path = lending.where().log / "jobs" / f"{job}.log"
    return path.read_text() if path.exists() else ""


def test_the_stranger_is_ended_when_the_new_login_may_do_it_whatever_happens_until_then(
    lending: Lending, clock: Clock
) -> None:
    listed(lending.stage)
    logged_in(lending.stage, "strange", home="elsewhere")
    worker = lending.start(lending.stage.write("worker.py", WORKER))
    assert line(worker) == "ready"

    exposed = lending.telekeep("exposed", "main", *PASSWORD, "--yes", "--json")
    found = json.loads(exposed.out)
    assert exposed.code == 8 and found["ended"] and not found["strangers_ended"], exposed
    assert found["strangers_left"][0]["hash"]
    (job,) = found["jobs"]
    assert abs(jobs(lending)[job]["next_run"] - found["allowed_at"]) < 1.5
    assert worker.poll() is None, "whoever borrows goes on"
    lending.stage.kill(worker)
    lending.kill_daemon()
    pass_by(lending, clock, DAY / 2)
    lending.ok("daemon", "start")
    assert jobs(lending)[job]["state"] == "waiting"

    # another renewal: the login that is in force then is younger than was foreseen
    assert lending.telekeep("renew", "main", *PASSWORD, "--yes").code == 0
    pass_by(lending, clock, DAY / 2 + 300)
    until(lambda: jobs(lending)[job]["state"] == "rate limited")
    later = jobs(lending)[job]["next_run"] - found["allowed_at"]
    assert DAY / 2 - 600 < later < DAY / 2 + 600, "it is known when the newer login is old enough"
    lending.kill_daemon()
    lending.ok("daemon", "start")
    pass_by(lending, clock, DAY / 2 - 600)
    assert jobs(lending)[job]["state"] == "rate limited"
    pass_by(lending, clock, 1200)
    until(lambda: jobs(lending)[job]["state"] == "done")
    assert jobs(lending)[job]["result"] == "ok"
    told = said(lending, job)
    assert told.count("younger than 24 hours") == 1, "Telegram is not asked again and again"
    assert told.count("Ended: ") == 1, told
    assert lending.telekeep("test", "strange", home="elsewhere").code == 1
    assert lending.telekeep("test", "main").code == 0
