"""A job as people and programs are shown it."""

from __future__ import annotations

import math
from typing import Any

from telekeep.errors import ConfigError
from telekeep.work.jobs import policy
from telekeep.work.jobs.job import Job
from telekeep.work.jobs.memory import Memory


def shown(job: Job, memory: Memory, now: float, pid: int | None) -> dict[str, Any]:
    """A job as ``--json`` shows it."""
    waits = memory.held or ("stopped" if memory.is_stopped else memory.waits_for)
    try:
        at = None if pid or memory.held or memory.is_stopped else max(now, policy.due(job, memory, now))
    except ConfigError:
        at = None
    if at == math.inf:
        at = None
    return {
        "name": job.name,
        "command": list(job.words),
        "session": job.session,
        "schedule": job.schedule.told,
        "state": "running" if pid else waits or "waiting",
        "pid": pid,
        "started_at": memory.started_at,
        "ended_at": memory.ended_at,
        "result": policy.outcome(job, memory.code),
        "code": memory.code,
        "failures": memory.failures,
        "next_run": at,
    }
