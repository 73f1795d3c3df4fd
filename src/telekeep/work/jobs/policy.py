"""When a job starts again, and when it does not. Pure: moments are handed in, decisions come out."""

from __future__ import annotations

import math
from dataclasses import replace

from telekeep.pace.backoff import Backoff
from telekeep.work.jobs.job import Job
from telekeep.work.jobs.memory import Memory
from telekeep.work.jobs.obstacles import Standing

AGAIN = Backoff(attempts=6, first=2.0, cap=300.0)  # a job that fails: six times in a row, then it is left
REFUSED = Backoff(attempts=None, first=10.0, cap=300.0)  # one that cannot be started: for as long as it cannot
STEADY = 600.0  # seconds after which a run counts as one that went well for a while
_RESTART = 1.0  # seconds until a job that is to run always, and has ended well, is started again
_SHORTEST_WAIT = 5.0  # seconds between two tries at what Telegram has said "not before" to
_LONGEST_WAIT = 3600.0  # seconds, where Telegram has not said until when

OUTCOMES = {
    0: "ok",
    1: "needs a login",
    2: "usage",
    3: "conflict",
    4: "rate limited",
    5: "network",
    6: "configuration",
    7: "local data",
    8: "caution",
}
"""What the exit codes of telekeep's own commands mean (`telekeep.errors`)."""

CANNOT_START = "cannot be started"
NEEDS_LOGIN, RATE_LIMITED, GIVEN_UP, DONE = OUTCOMES[1], OUTCOMES[4], "given up", "done"
_SLACK = 60.0  # seconds that clocks are corrected by every day
_NO_USE = (2, 6)  # it would fail in the same way


def outcome(job: Job, code: int | None) -> str:
    """A run's end in a word or two; "" if there was none."""
    if code is None:
        return ""
    if code < 0:
        return f"signal {-code}"
    if job.is_program:
        return "ok" if code == 0 else f"exit code {code}"
    return OUTCOMES.get(code, f"exit code {code}")


def started(memory: Memory, now: float) -> Memory:
    """It was just started."""
    return replace(memory, started_at=now, ended_at=None, next_at=None, waits_for="", held="", held_at="")


def not_started(memory: Memory, before: Memory) -> Memory:
    """It was to be started, and could not: as ``before``, but for what a person has said meanwhile."""
    return replace(before, is_stopped=memory.is_stopped, waits_for=CANNOT_START)


def pause_after(refusals: int, *, least: float, again: Backoff = REFUSED) -> float:
    """Seconds until what was refused so many times in a row is tried again; never less than ``least``."""
    return least + (again.pause(refusals) or 0.0)


def interrupted(memory: Memory, now: float) -> Memory:
    """It was told to end: that says nothing about it, and its schedule goes on."""
    return replace(memory, ended_at=now, next_at=now, waits_for="")


def ended(
    job: Job, memory: Memory, code: int, now: float, *, wait: float = 0.0, login: str = "", again: Backoff = AGAIN
) -> Memory:
    """It has ended by itself with the exit ``code``.

    ``wait``: seconds that Telegram has named for its session. ``login``: what the session's login is like; a job that
    needs another one is held until it changes.
    """
    began = memory.started_at if memory.started_at is not None else now
    after = replace(memory, ended_at=now, code=code, waits_for="", next_at=_next(job, began, now))
    if code == 0:
        return replace(after, failures=0, held=DONE if after.next_at == math.inf else "")
    if code == 4 and not job.is_program:
        if wait > 0:
            return replace(after, waits_for=RATE_LIMITED, next_at=now + max(wait, _SHORTEST_WAIT))
        failures = memory.failures + 1  # nobody knows until when: less and less often
        wait = min(_LONGEST_WAIT, _SHORTEST_WAIT * 2.0 ** min(failures, 20))
        return replace(after, waits_for=RATE_LIMITED, next_at=now + wait, failures=failures)
    if code == 1 and not job.is_program:
        return replace(after, held=NEEDS_LOGIN, held_at=login)
    failures = 1 if now - began >= STEADY else memory.failures + 1
    pause = None if code in _NO_USE and not job.is_program else again.pause(failures)
    if pause is not None:
        return replace(after, failures=failures, next_at=now + pause)
    if job.schedule.is_always or after.next_at == math.inf:
        return replace(after, failures=failures, held=GIVEN_UP, held_at=login)
    return replace(after, failures=0)  # its time comes again


def held_on(memory: Memory, standing: Standing) -> Memory:
    """A job that is held while its session is set aside waits for that to end, whatever it was held for."""
    if memory.held == NEEDS_LOGIN and standing.obstacle and standing.login:
        return replace(memory, held_at=standing.login)
    return memory


def hindered(memory: Memory, standing: Standing) -> Memory:
    """What stands in its way now is what it waits for; what has gone is not. A flood wait is Telegram's, and stays; so
    does that it cannot be started, until it was.
    """
    stays = memory.waits_for in (RATE_LIMITED, CANNOT_START) and not standing.obstacle
    return memory if stays else replace(memory, waits_for=standing.obstacle)


def is_released(memory: Memory, standing: Standing) -> bool:
    """Whether a held job may go on: its session has another login now, or is no longer set aside."""
    return bool(memory.held == NEEDS_LOGIN and not standing.obstacle and memory.held_at != standing.login)


def released(memory: Memory) -> Memory:
    """As if it had not failed: a person, or another login, has mended what was wrong."""
    return replace(memory, held="", held_at="", failures=0, next_at=None, waits_for="", is_stopped=False)


def may_run(memory: Memory) -> bool:
    """Whether it runs or will run without a person's doing."""
    return not memory.is_stopped and memory.held not in (DONE, GIVEN_UP)


def due(job: Job, memory: Memory, now: float) -> float:
    """When it is to start. What a clock that was set back makes of the past counts for nothing."""
    if max(memory.started_at or 0.0, memory.ended_at or 0.0) > now + _SLACK:
        return job.schedule.after(now, last=None)
    if memory.next_at is not None:
        return memory.next_at
    return job.schedule.after(now, last=memory.started_at)


def _next(job: Job, began: float, now: float) -> float:
    return now + _RESTART if job.schedule.is_always else job.schedule.following(now, last=began)
