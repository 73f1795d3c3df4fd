"""One run of a job, as a process of its own beside the daemon."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from telekeep.errors import StorageUnavailable
from telekeep.paths import Home, private_folder
from telekeep.work.jobs.child import BUSY as BUSY
from telekeep.work.jobs.job import Job

GRACE = 15.0  # seconds for a job to end once it is told to
_BEYOND = 3.0  # seconds more until the process between is not believed to do it, and for what the program left behind
_STEP = 0.1
_LARGEST_LOG = 4_000_000  # bytes; then the older half of what was said is in NAME.log.1
_CHILD = Path(__file__).with_name("child.py")


def log_of(home: Home, name: str) -> Path:
    """What the runs of a job have said."""
    return home.log / "jobs" / f"{name}.log"


def environment(home: Home, network: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Of a job: the daemon's, with the home and the network that it serves."""
    return {**environ, "TELEKEEP_HOME": str(home.root), "TELEKEEP_NETWORK": network, "PYTHONUNBUFFERED": "1"}


class Run:
    """A run that was started. Use `start`."""

    def __init__(self, process: asyncio.subprocess.Process, line: int) -> None:
        self._process = process
        self._line = line  # the pipe that tells the process between us that we live

    @classmethod
    async def start(cls, job: Job, home: Home, environ: Mapping[str, str], *, grace: float = GRACE) -> Run:
        """Start ``job``. Raises StorageUnavailable if its log cannot be written or no process be made."""
        folder = private_folder(home.root / "jobs")
        log = _opened(log_of(home, job.name))
        theirs, ours = os.pipe()
        words = (sys.executable, "-m", "telekeep", *job.words)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", str(_CHILD), str(theirs), str(folder / f"{job.name}.lock"), str(grace), *words,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(theirs,), env=dict(environ),
                start_new_session=True, cwd=job.directory or home.root,
            )  # fmt: skip
        except OSError as error:
            os.close(ours)
            where = job.directory
            if where is not None and not where.is_dir():
                raise StorageUnavailable(
                    f"The job {job.name!r} cannot be started: its directory {str(where)!r} is not there.",
                    remedy="Make the directory, or name another one in jobs.toml.",
                ) from None
            raise StorageUnavailable(f"The job {job.name!r} cannot be started: {error.strerror}.") from None
        finally:
            os.close(theirs)
            os.close(log)
        return cls(process, ours)

    @property
    def pid(self) -> int:
        """Of the process that leads the job's group."""
        return self._process.pid

    async def ended(self) -> int:
        """Wait until it has ended by itself; its exit code, -N if signal N has ended it."""
        code = await self._process.wait()
        await self._close()
        return 128 - code if code > 128 else code

    async def stop(self, grace: float = GRACE) -> None:
        """Tell it to end, and make sure that it has, at the latest after ``grace`` seconds and a little."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(grace + _BEYOND):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            await self._process.wait()
        await self._close()

    async def _close(self) -> None:
        """Nothing of the job's group lives on: one whose leader was killed has nobody else to end it."""
        line, self._line = self._line, -1
        if line >= 0:
            os.close(line)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGTERM)
            for _ in range(round(_BEYOND / _STEP)):
                await asyncio.sleep(_STEP)
                os.killpg(self.pid, 0)  # asks whether anybody is left; sends nothing
            os.killpg(self.pid, signal.SIGKILL)


def _opened(path: Path) -> int:
    """The log, to write on at its end; set aside first if it is long."""
    private_folder(path.parent.parent)
    private_folder(path.parent)
    try:
        if path.exists() and path.stat().st_size > _LARGEST_LOG:
            path.replace(path.with_name(f"{path.name}.1"))
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StorageUnavailable(f"{path} cannot be written: {error.strerror}.") from None
