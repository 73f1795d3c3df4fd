from __future__ import annotations

from dataclasses import replace

import pytest

from telekeep.pace.backoff import Backoff
from telekeep.work.jobs import policy
from telekeep.work.jobs.job import Job
from telekeep.work.jobs.memory import FRESH, Memory
from telekeep.work.jobs.obstacles import LOCKED, Standing
from telekeep.work.jobs.schedule import Schedule

NOW = 1_800_000_000.0
PROGRAM = Job("bot", ("run", "main", "--", "bot"), session="main")
HOURLY = Job("check", ("test", "main"), Schedule(every=3600.0), session="main")
SET_ASIDE = Standing("old-", obstacle="set aside: AuthKeyRevoked")
LONGEST = Backoff(attempts=3, first=2.0, cap=300.0, jitter=lambda: 1.0)


def ran(job: Job, *codes: int, before: Memory = FRESH, wait: float = 0.0, login: str = "key+") -> Memory:
    memory = before
    for code in codes:
        memory = policy.started(memory, NOW)
        memory = policy.ended(job, memory, code, NOW + 1, wait=wait, login=login, again=LONGEST)
    return memory


def test_a_job_that_is_to_run_always_is_started_again() -> None:
    assert 0 < policy.due(PROGRAM, ran(PROGRAM, 0), NOW + 1) - (NOW + 1) < 5


def test_a_job_that_fails_is_started_again_later_each_time_and_then_left() -> None:
    first, second, third = (ran(PROGRAM, *[9] * count) for count in (1, 2, 3))
    assert [policy.due(PROGRAM, each, NOW) - (NOW + 1) for each in (first, second)] == [2.0, 4.0]
    assert third.held == policy.GIVEN_UP
    assert not policy.is_released(third, Standing("another+")), "another login is not what it failed for"
    assert policy.released(third) == replace(third, held="", held_at="", failures=0, next_at=None)


def test_a_run_that_lasted_begins_the_count_anew() -> None:
    memory = replace(ran(PROGRAM, 9, 9), started_at=NOW)
    assert policy.ended(PROGRAM, memory, 9, NOW + policy.STEADY, again=LONGEST).failures == 1


def test_what_stood_in_the_way_is_not_told_any_more_when_it_is_gone() -> None:
    locked = policy.hindered(ran(HOURLY, 0), Standing(obstacle=LOCKED))
    assert locked.waits_for == LOCKED and policy.hindered(locked, Standing("key+")).waits_for == ""
    limited = ran(HOURLY, 4, wait=60.0)
    assert policy.hindered(limited, Standing("key+")) == limited, "that is over when Telegram says so"
    assert policy.hindered(limited, SET_ASIDE).waits_for == SET_ASIDE.obstacle


def test_a_job_that_cannot_be_started_is_as_before_and_shown_so_until_it_is_started() -> None:
    before = ran(HOURLY, 5)
    refused = policy.not_started(policy.started(before, NOW + 9).stopped(), before)
    assert refused == replace(before, waits_for=policy.CANNOT_START, is_stopped=True)
    assert policy.hindered(refused, Standing("key+")) == refused
    assert policy.hindered(refused, SET_ASIDE).waits_for == SET_ASIDE.obstacle
    assert policy.started(refused, NOW).waits_for == "" == policy.released(refused).waits_for
    every = Backoff(attempts=None, first=10.0, cap=300.0, jitter=lambda: 1.0)
    pauses = [policy.pause_after(count, least=5.0, again=every) for count in (1, 2, 3, 50)]
    assert pauses == [15.0, 25.0, 45.0, 305.0]


def test_a_scheduled_job_that_fails_too_often_waits_for_its_next_time() -> None:
    memory = ran(HOURLY, 5, 5, 5)
    assert (memory.held, memory.next_at, memory.failures) == ("", NOW + 3600, 0)


def test_a_flood_wait_is_kept_whole_and_counts_as_no_failure() -> None:
    """003-14: no further calls while Telegram says "not before"."""
    memory = ran(HOURLY, 4, wait=79_200.0)
    assert (memory.next_at, memory.failures, memory.waits_for) == (NOW + 1 + 79_200, 0, policy.RATE_LIMITED)


def test_a_job_without_a_login_waits_for_one() -> None:
    """003-F1: it is not started every four minutes."""
    memory = ran(HOURLY, 1, login="old-")
    assert memory.held == policy.NEEDS_LOGIN
    assert not policy.is_released(memory, SET_ASIDE)
    assert policy.is_released(memory, Standing("new+"))
    assert policy.is_released(memory, Standing("old+")), "it was taken back"


def test_a_job_that_was_held_before_its_session_was_set_aside_waits_all_the_same() -> None:
    memory = ran(HOURLY, 1, login="old+")
    assert not policy.is_released(memory, SET_ASIDE), "the very login that it failed with"
    assert not policy.is_released(memory, Standing("old+"))
    assert policy.is_released(policy.held_on(memory, SET_ASIDE), Standing("old+"))


@pytest.mark.parametrize("code", [2, 6])
def test_what_would_fail_in_the_same_way_is_not_tried_again(code: int) -> None:
    always = Job("check", ("test", "main"))
    assert ran(always, code).held == policy.GIVEN_UP
    assert ran(HOURLY, code).next_at == NOW + 3600


def test_the_exit_codes_of_somebodys_own_program_mean_what_they_like() -> None:
    for code in (1, 2, 4, 6):
        memory = ran(PROGRAM, code)
        assert (memory.held, memory.failures) == ("", 1)
        assert policy.outcome(PROGRAM, code) == f"exit code {code}"
    assert policy.outcome(HOURLY, 4) == "rate limited"
    assert policy.outcome(HOURLY, -9) == "signal 9"


def test_a_job_for_one_moment_is_done_after_it_and_held_if_it_fails_too_often() -> None:
    once = Job("revoke", ("devices", "revoke", "main", "1"), Schedule(at=NOW), session="main")
    assert ran(once, 0).held == policy.DONE
    assert policy.due(once, ran(once, 5), NOW) == NOW + 3.0, "tried again"
    assert ran(once, 5, 5, 5).held == policy.GIVEN_UP


def test_a_clock_that_was_set_back_by_a_year_traps_no_job() -> None:
    memory = ran(HOURLY, 0)
    assert policy.due(HOURLY, memory, NOW - 31_536_000) == NOW - 31_536_000


def test_where_telegram_has_not_said_until_when_it_is_asked_less_and_less_often() -> None:
    memory, now, pauses = ran(HOURLY, 4), NOW, []
    for _ in range(15):
        now = memory.next_at
        memory = policy.ended(HOURLY, policy.started(memory, now), 4, now + 1)
        pauses.append(memory.next_at - now - 1)
    assert pauses[:3] == [20.0, 40.0, 80.0] and pauses[-1] == 3600.0
    assert memory.waits_for == policy.RATE_LIMITED and not memory.held, "it is never given up"
    assert policy.ended(HOURLY, memory, 0, now).failures == 0


def test_a_daemon_is_not_needed_for_a_job_that_is_done_or_given_up() -> None:
    once = Job("revoke", ("devices", "revoke", "main", "1"), Schedule(at=NOW), session="main")
    assert policy.may_run(FRESH)
    assert not policy.may_run(policy.ended(once, policy.started(FRESH, NOW), 0, NOW + 1))
    assert policy.may_run(policy.ended(once, policy.started(FRESH, NOW), 1, NOW + 1)), "another login mends that"
    assert not policy.may_run(FRESH.stopped())
