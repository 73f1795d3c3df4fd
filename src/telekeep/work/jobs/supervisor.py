"""All jobs of a home, kept going for as long as its daemon serves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from telekeep.errors import TelekeepError
from telekeep.events import JobEnded, JobStarted
from telekeep.work.jobs import policy, table
from telekeep.work.jobs.job import Job
from telekeep.work.jobs.memory import Memories
from telekeep.work.jobs.obstacles import Standing, standing, wait_of
from telekeep.work.jobs.process import BUSY, GRACE, Run, environment
from telekeep.work.jobs.shown import shown

if TYPE_CHECKING:
    from telekeep.work.keeping import DaemonKeeper

_UNFORESEEN = 60.0
LOOK = 5.0  # seconds between two looks at what has changed: the vault, the ledger, the clock

_log = logging.getLogger(__name__)


class Jobs:
    """The jobs of ``keeper``'s home. ``network``: its name or file, for the jobs' own commands."""

    def __init__(self, keeper: DaemonKeeper, network: str, *, grace: float = GRACE) -> None:
        self._keeper = keeper
        self._memories = Memories(keeper.home)
        self._environment = environment(keeper.home, network)
        self._grace = grace
        self._jobs: dict[str, Job] = {}
        self._keeping: dict[str, asyncio.Task[None]] = {}
        self._runs: dict[str, Run] = {}
        self._refused: dict[str, tuple[int, str]] = {}  # how often in a row, and why the last time
        self._changed = asyncio.Event()
        self._reading = asyncio.Lock()
        self._is_over = False

    # ---- what the daemon asks

    def verbs(self) -> dict[str, Callable[..., Any]]:
        """What the control socket offers of this."""
        return {"jobs": self.status, "jobs_changed": self.reread, "job_start": self.start, "job_stop": self.stop}

    @property
    def is_busy(self) -> bool:
        """Whether a job runs or may run by itself: the daemon is needed."""
        return any(policy.may_run(self._memories.of(name)) for name in self._jobs)

    async def run(self) -> None:
        """Keep the jobs going until cancelled; then they are told to end, and have their grace."""
        read: object = ()
        try:
            while True:
                if table.edition(self._keeper.home) != read:
                    read = table.edition(self._keeper.home)
                    with suppress(TelekeepError):  # it is logged
                        await self.reread()
                await asyncio.sleep(LOOK)
        finally:
            self._is_over = True
            await self._end(list(self._keeping))

    # ---- verbs

    def status(self) -> list[dict[str, Any]]:
        """Each job, what became of it, and when it runs next."""
        now = self._keeper.clock.wall()
        return [shown(job, self._memories.of(name), now, self._pid(name)) for name, job in self._jobs.items()]

    async def reread(self) -> list[dict[str, Any]]:
        """Read ``jobs.toml`` again: new jobs begin, those that are gone end, changed ones end and begin.

        Raises ConfigError if it cannot be understood; what runs goes on.
        """
        async with self._reading:  # a job takes its time to end: whoever comes meanwhile would start it beside itself
            await self._reread()
        return self.status()

    async def _reread(self) -> None:
        try:
            found = table.read(self._keeper.home)
        except TelekeepError as error:
            _log.warning("the jobs cannot be read, those that were known go on: %s", error.message)
            raise
        gone = [name for name, job in self._jobs.items() if found.get(name) != job]
        await self._end(gone)
        for name in gone:
            self._refused.pop(name, None)
            if name not in found:
                self._memories.forget(name)
        self._jobs = found
        for name, job in found.items():
            if name not in self._keeping and not self._is_over:
                self._keeping[name] = asyncio.create_task(self._keep(job), name=f"job {name}")

    async def start(self, name: str, now: bool = False) -> dict[str, Any]:
        """Let a job run that was stopped, or that was held; ``now``: at once, whatever its schedule says."""
        job = table.named(self._jobs, name)
        memory = policy.released(self._memories.of(name))
        if now and name not in self._runs:
            memory = replace(memory, next_at=self._keeper.clock.wall())
        self._memories.keep(name, memory)
        self._wake()
        return shown(job, memory, self._keeper.clock.wall(), self._pid(name))

    async def stop(self, name: str) -> dict[str, Any]:
        """End a job's run, and start none until it is told to `start`."""
        job = table.named(self._jobs, name)
        self._memories.keep(name, self._memories.of(name).stopped())
        run = self._runs.get(name)
        if run is not None:
            await run.stop(self._grace)
        return shown(job, self._memories.of(name), self._keeper.clock.wall(), None)

    # ---- one job

    async def _keep(self, job: Job) -> None:
        while True:
            try:
                await self._until_due(job)
                await self._run_once(job)
            except TelekeepError as error:  # a disk that refuses now, or a directory that is gone, may be well later
                await self._pause(self._refusal(job.name, error))
            except Exception:  # a fault of ours must not end the job in silence
                _log.exception("the job %r: something unforeseen", job.name)
                await self._keeper.clock.sleep(_UNFORESEEN)

    async def _until_due(self, job: Job) -> None:
        """Wait until it is time, nothing stands in the way, and nobody has stopped it."""
        while True:
            memory, now = self._memories.of(job.name), self._keeper.clock.wall()
            stands = standing(self._keeper, job.session)
            if policy.is_released(memory, stands):
                _log.info("the job %r goes on: its session can be used again", job.name)
                memory = policy.released(memory)
            memory = policy.hindered(policy.held_on(memory, stands), stands)
            self._memories.keep(job.name, memory)
            if not (memory.is_stopped or memory.held or stands.obstacle) and now >= policy.due(job, memory, now):
                return
            await self._look_again(policy.due(job, memory, now) - now)

    def _refusal(self, name: str, error: TelekeepError) -> float:
        """Seconds until a job is tried again that was refused; said once, and again when it is another reason."""
        count, before = self._refused.get(name, (0, ""))
        pause = policy.pause_after(count + 1, least=LOOK)
        self._refused[name] = (count + 1, error.message)
        if error.message != before:
            remedy = f" {error.remedy}" if error.remedy else ""
            _log.warning("the job %r: %s%s It is tried again, less and less often.", name, error.message, remedy)
        return pause

    async def _look_again(self, left: float) -> None:
        """In a while: when it is due, or when somebody has changed something."""
        await self._pause(max(0.05, min(LOOK, left)) if left > 0 else LOOK)

    async def _pause(self, wait: float) -> None:
        """Wait for so many seconds, or until somebody changes something."""
        self._changed.clear()
        sleeping = asyncio.ensure_future(self._keeper.clock.sleep(wait))
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({sleeping, changed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            changed.cancel()

    async def _run_once(self, job: Job) -> None:
        clock, name = self._keeper.clock, job.name
        before = self._memories.of(name)
        self._memories.keep(name, policy.started(before, clock.wall()))
        try:
            run = await Run.start(job, self._keeper.home, self._environment, grace=self._grace)
        except TelekeepError:
            self._memories.keep(name, policy.not_started(self._memories.of(name), before))
            raise
        self._runs[name] = run
        self._refused.pop(name, None)
        _log.info("the job %r runs (pid %d): %s", name, run.pid, job.words[0])
        self._keeper.events.report(JobStarted(name, clock.wall(), run.pid))
        try:
            code = await self._ended(job, run)
        except asyncio.CancelledError:
            await run.stop(self._grace)
            self._memories.keep(name, policy.interrupted(self._memories.of(name), clock.wall()))
            raise
        finally:
            del self._runs[name]
        if code == BUSY:
            self._memories.keep(name, replace(before, next_at=clock.wall() + LOOK))
            return
        self._note_end(job, code)

    async def _ended(self, job: Job, run: Run) -> int | None:
        """Its exit code; None if it was told to end, because of a person or because its session was set aside."""
        end = asyncio.ensure_future(run.ended())
        try:
            while not end.done():
                pause = asyncio.ensure_future(self._keeper.clock.sleep(LOOK))
                await asyncio.wait({end, pause}, return_when=asyncio.FIRST_COMPLETED)
                pause.cancel()
                if not end.done() and self._must_end(job):
                    _log.warning("the job %r is ended: its session was set aside", job.name)
                    await run.stop(self._grace)
                    return None
            return None if self._memories.of(job.name).is_stopped else end.result()
        finally:
            end.cancel()

    def _must_end(self, job: Job) -> bool:
        stands = standing(self._keeper, job.session)
        return bool(stands.obstacle and stands.login)

    def _note_end(self, job: Job, code: int | None) -> None:
        now, memory = self._keeper.clock.wall(), self._memories.of(job.name)
        if code is None:
            after = policy.interrupted(memory, now)
        else:
            stands: Standing = standing(self._keeper, job.session)
            wait = wait_of(self._keeper, job, stands)
            after = policy.ended(job, memory, code, now, wait=wait, login=stands.login)
        self._memories.keep(job.name, after)
        said = policy.outcome(job, code) or "told to end"
        level = logging.INFO if code in (0, None) else logging.WARNING
        _log.log(level, "the job %r has ended: %s%s", job.name, said, f"; {after.held}" if after.held else "")
        self._keeper.events.report(JobEnded(job.name, now, said, after.held))

    # ---- the end

    async def _end(self, names: list[str]) -> None:
        tasks = [self._keeping.pop(name) for name in names if name in self._keeping]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _wake(self) -> None:
        self._changed.set()

    def _pid(self, name: str) -> int | None:
        run = self._runs.get(name)
        return run.pid if run is not None else None
