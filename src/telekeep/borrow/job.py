"""``@telekeep.job``: an async function that is given a client and a cursor, as a program the daemon can keep going."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import update_wrapper
from pathlib import Path
from typing import Any, TypeAlias

from telekeep import paths
from telekeep.borrow.borrow import client
from telekeep.borrow.cursor import Cursor
from telekeep.errors import TelekeepError

Work: TypeAlias = Callable[[Any, Cursor], Coroutine[Any, Any, Any]]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


class Job:
    """A piece of work on the session kept as ``session``. Await it to do it once; `run` makes a program of it."""

    def __init__(self, work: Work, session: str, name: str, home: Path | None, options: dict[str, Any]) -> None:
        self.session = session
        self.name = name
        self._work = work
        self._home = home
        self._options = options
        update_wrapper(self, work)

    async def __call__(self) -> Any:
        """Borrow the session, do the work, give it back; what the work returned.

        Raises what the work raises, and what `telekeep.borrow.client.BorrowedClient.connect` does.
        """
        cursor = Cursor(paths.home(self._home).root / "jobs" / f"{self.name}.cursor")
        try:
            async with client(self.session, label=self.name, home=self._home, **self._options) as borrowed:
                return await self._work(borrowed, cursor)
        finally:
            cursor.close()

    def run(self) -> int:
        """Do the work, as a program does: the exit code, having said on standard error what went wrong.

        SIGTERM and Ctrl-C cancel it; it may clean up, and the code is 0: it was asked to end.
        """
        try:
            asyncio.run(self._until_told())
        except TelekeepError as error:
            sys.stderr.write(f"✗ {error.message}\n" + (f"→ {error.remedy}\n" if error.remedy else ""))
            return error.exit_code
        except KeyboardInterrupt:
            return 130
        return 0

    async def _until_told(self) -> None:
        task = asyncio.ensure_future(self())
        told: list[int] = []

        def end() -> None:
            told.append(1)
            task.cancel()

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
        try:
            await task
        except asyncio.CancelledError:
            if not told:
                raise


def job(
    session: str, *, name: str | None = None, home: Path | str | None = None, **options: Any
) -> Callable[[Work], Job]:
    """Make a `Job` of an async function of a client and a cursor.

    ``session``: the name of a kept session · ``name``: of the job, and of its cursor; the function's own by default ·
    ``home`` and ``options`` as for `telekeep.client`. The cursor is a mapping on disk (`telekeep.borrow.cursor`).
    Raises ValueError for a name that can be no file's.
    """

    def decorate(work: Work) -> Job:
        chosen = name or work.__name__
        if not _NAME.fullmatch(chosen):
            raise ValueError(f"{chosen!r} is no name of a job: letters, digits, '.', '_' and '-', at most 64 of them")
        return Job(work, session, chosen, Path(home).expanduser() if home else None, options)

    return decorate
