"""The base of tasks that borrow a session.

@app.task(base=telekeep.SessionTask, session="main")
async def fetch(client, chat): ...
"""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path
from typing import Any

from celery import Task
from celery.signals import celeryd_init, worker_process_shutdown, worker_shutdown

from telekeep import paths
from telekeep.borrow.random_ids import RandomIds
from telekeep.clock import SystemClock
from telekeep.errors import TelekeepError
from telekeep.upstream.faults import named
from telekeep.work.celery import loop, result
from telekeep.work.celery.command import QUEUE
from telekeep.work.celery.once import Tasks, UnderWay
from telekeep.work.celery.pool import Pool, Wanted
from telekeep.work.celery.redelivery import look_each_time

_UNDER_WAY = 5.0  # seconds until a task that another worker is doing is looked at again
_VISIBILITY = 3600.0  # seconds: Celery's own for Redis


class SessionTask(Task):  # type: ignore[misc]  # Celery carries no types
    """An async function whose first argument is a client on a loan, given back when it ends, however it ends.

    ``session``: the name of a kept session; tasks wait in a queue of its own, ``telekeep.NAME``. ``grant``, ``home``
    and ``network`` as for `telekeep.client`. What the function returns is the ``result`` of the answer; ``status`` is
    one of `telekeep.work.celery.result`. Flood waits and broken lines are tried again; what only a person can mend is
    not, and raises nothing. A task that is delivered twice does its work once, and messages it sends again after a
    crash are those it sent before.
    """

    abstract = True
    typing = False  # Celery would count the client among the arguments
    acks_late = True
    reject_on_worker_lost = True
    session = ""
    grant = "full"
    home: str | None = None
    network: str | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        task, clock = self.request.id or "", SystemClock()
        if not task:  # called as a function
            return result.told(result.SUCCESS, clock.wall(), result=self._done("", args, kwargs))
        try:
            with _tasks(paths.home(self._home()).root / "celery").claim(task) as claim:
                if claim.result is not None:
                    return claim.result
                answer = self._answered(task, args, kwargs, clock)
                claim.done(answer, at=clock.wall())
                return answer
        except UnderWay:
            raise self.retry(countdown=_UNDER_WAY, max_retries=None) from None

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        if self.session and "queue" not in options:
            options["queue"] = QUEUE.format(session=self.session)
        return super().apply_async(args, kwargs, **options)

    def _answered(self, task: str, args: Any, kwargs: Any, clock: SystemClock) -> dict[str, Any]:
        """The task's answer. Raises what Celery tries it again with."""
        try:
            value = self._done(task, args, kwargs)
        except Exception as raised:
            error = self._named(raised, clock)
            visibility = self.app.conf.broker_transport_options.get("visibility_timeout", _VISIBILITY)
            failed = int((self.request.headers or {}).get("telekeep_failed", 0)) + 1
            found = result.verdict(error, failed=failed, visibility=float(visibility))
            if found.again is None:
                return result.told(found.status, clock.wall(), error=error)
            failed = 0 if found.status == result.RATE_LIMITED else failed
            headers = {**(self.request.headers or {}), "telekeep_failed": failed}
            raise self.retry(countdown=found.again, max_retries=None, headers=headers) from None
        return result.told(result.SUCCESS, clock.wall(), result=value)

    def _done(self, task: str, args: Any, kwargs: Any) -> Any:
        wanted = Wanted(self.session, self.grant, f"celery {self.name}", self._home(), self.network)
        numbers = RandomIds(f"{self.name} {task}".encode()) if task else None

        async def borrowed(pool: Pool) -> Any:
            async with pool.client(wanted, numbers) as client:
                found = self.run(client, *args, **kwargs)
                return await found if inspect.isawaitable(found) else found

        return loop.run(borrowed)

    def _named(self, error: Exception, clock: SystemClock) -> TelekeepError:
        """Of telekeep, Telethon or the system. Raises what belongs to the function: its own mistakes are its own."""
        if isinstance(error, TelekeepError | OSError | EOFError) or type(error).__module__.startswith("telethon."):
            return named(error, clock=clock)
        raise error

    def _home(self) -> Path | None:
        return Path(self.home).expanduser() if self.home else None


@cache
def _tasks(folder: Path) -> Tasks:
    return Tasks(folder)


def _close(**_: Any) -> None:
    loop.close()


celeryd_init.connect(look_each_time, weak=False)
for _signal in (worker_process_shutdown, worker_shutdown):
    _signal.connect(_close, weak=False)
