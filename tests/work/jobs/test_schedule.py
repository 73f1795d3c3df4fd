from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from telekeep.errors import ConfigError
from telekeep.work.jobs.schedule import ALWAYS, Schedule

NOON = datetime(2026, 11, 21, 12, 0).timestamp()


def test_an_interval_counts_from_the_last_start() -> None:
    hourly = Schedule.read(every="1h")
    assert hourly.after(NOON, last=None) == NOON
    assert hourly.after(NOON, last=NOON - 600) == NOON + 3000
    assert hourly.told == "every 60 min"


def test_cron_speaks_of_local_time() -> None:
    nightly = Schedule.read(cron="30 3 * * *")
    assert nightly.after(NOON, last=None) == datetime(2026, 11, 22, 3, 30).timestamp()


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """On 2026-10-25, 03:00 became 02:00; on 2026-03-29, 02:00 became 03:00."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")  # in full: a machine may have no tables
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_the_hour_that_comes_twice_neither_holds_up_a_job_nor_repeats_it_without_end() -> None:
    often, nightly = Schedule.read(cron="*/30 * * * *"), Schedule.read(cron="30 2 * * *")
    first = datetime(2026, 10, 25, 2, 0).timestamp()
    moments = [first]
    for _ in range(4):
        moments.append(often.after(moments[-1], last=None))
    assert [each - first for each in moments] == [0, 1800, 3600, 5400, 7200]
    again = first + 3600 + 600  # ten past two, for the second time
    assert often.following(again, last=again) == again + 1200
    assert nightly.after(first, last=None) == first + 1800
    assert nightly.after(first + 1800, last=None) == nightly.after(again, last=None) == first + 1800 + 25 * 3600


@pytest.mark.usefixtures("berlin")
def test_a_job_of_the_hour_that_is_left_out_runs_once_all_the_same() -> None:
    nightly = Schedule.read(cron="30 2 * * *")
    midnight = datetime(2026, 3, 29).timestamp()
    first = nightly.after(midnight, last=None)
    assert first == midnight + 2 * 3600, "at three, which is when two would have been"
    assert nightly.after(first, last=None) == first + 23.5 * 3600


def test_a_job_for_one_moment_runs_once_also_when_the_machine_slept_then() -> None:
    once = Schedule.read(at="2026-11-21T12:00")
    assert once.after(NOON - 60, last=None) == NOON == once.after(NOON + 60, last=None)
    assert once.after(NOON + 120, last=NOON + 60) == float("inf")


def test_what_was_missed_while_the_machine_slept_is_made_up_for_once() -> None:
    hourly = Schedule.read(cron="0 * * * *")
    asleep_since = NOON - 10 * 3600
    assert hourly.after(NOON + 60, last=asleep_since) < NOON + 60, "one run, at once"
    assert hourly.after(NOON + 61, last=NOON + 60) == NOON + 3600, "and then in time again"
    assert hourly.following(NOON + 60, last=asleep_since) == NOON + 3600


def test_without_either_a_job_is_to_run_always() -> None:
    assert Schedule.read() is ALWAYS
    assert ALWAYS.after(NOON, last=NOON - 1) == NOON


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ({"every": "5m", "cron": "* * * * *"}, "not two of these"),
        ({"at": "tomorrow"}, "no moment"),
        ({"every": "soon"}, "soon"),
        ({"every": 0}, "0"),
        ({"every": True}, "True"),
        ({"every": float("nan")}, "nan"),
        ({"every": float("inf")}, "inf"),
        ({"every": "9" * 30 + "d"}, "999"),
        ({"every": 10**400}, "1000"),
        ({"at": "0001-01-01"}, "0001"),
        ({"at": "9999-12-31T23:59"}, "9999"),
        ({"cron": "every day"}, "every day"),
        ({"cron": "61 * * * *"}, "61"),
        ({"cron": "0 0 30 2 *"}, "30 2"),
        ({"cron": 5}, "five fields"),
    ],
)
def test_what_is_no_schedule_is_refused_with_the_way_to_write_one(written: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError, match=word) as refused:
        Schedule.read(**written)
    assert "2026-12-24T18:00" in str(refused.value.remedy)
