"""`SessionSafetyManager`: is it safe to use this session now, who uses it, and what to do.

Names and methods are those of programs that have such a guard of their own; they move over by changing an import.
What they meant by a lock file is the lease here: `lock_file` and `process_info_file` are where other programs' lock
files and our own face lie (`telekeep.guard.beside`), and decide nothing.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

from telekeep.clock import Clock, SystemClock
from telekeep.errors import SessionBusy, TelekeepError
from telekeep.guard import beside, celery, places, processes
from telekeep.guard.context import SafeSessionContext
from telekeep.guard.verdict import Found, State, Verdict, judge
from telekeep.lease.folder import lease_folder
from telekeep.lease.holder import Holder
from telekeep.lease.lease import lease_name
from telekeep.lease.probe import holders

Call = TypeVar("Call", bound=Callable[..., Any])
DEFAULT = "telegram_session"


class SessionSafetyManager:
    """The guard of one session file. ``session_file``: the name that a client opens it by, or its path."""

    def __init__(self, session_file: places.Name = DEFAULT, *, clock: Clock | None = None) -> None:
        self.session_file = session_file
        self._clock = clock or SystemClock()
        self._recorded: list[SafeSessionContext] = []

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.session_file)!r})"

    @property
    def path(self) -> Path:
        """The file itself, links followed."""
        return places.database(self.session_file)

    @property
    def lock_file(self) -> Path:
        """Where programs with a lock file of their own put it. Never made here; the lease is what locks."""
        return beside.lock_file(self.path)

    @property
    def process_info_file(self) -> Path:
        """Where whoever holds the session shows itself (see `telekeep.guard.beside`)."""
        return beside.info_file(self.path)

    # ---- asking

    def verdict(self) -> Verdict:
        """Safe, unsafe or stale, and why. Takes nothing and changes nothing.

        Raises SessionConflict if the processes of this machine cannot be looked at, SessionBusy if the file is being
        written all the time, StorageUnavailable if it cannot be read.
        """
        path = self.path
        known = processes.everybody()
        return judge(
            Found(
                path.name,
                self._clock.wall(),
                _others(path),
                processes.strangers(processes.openers(path, known), known),
                celery.workers(path, known),
                beside.left(path, clock=self._clock),
                [each for each in beside.locks(path) if not self._is_own_lock(each, known)],
            )
        )

    @staticmethod
    def _is_own_lock(lock: beside.Lock, known: dict[int, processes.Process]) -> bool:
        """Whether it is this process, or its family, that has a lock file of another guard locked."""
        found = processes.openers(lock.path, known) if lock.is_locked else []
        return bool(found) and not processes.strangers(found, known)

    def check_session_safety(self, operation_type: str = "test") -> bool:
        """True if nobody else uses the session. A stale lock is no conflict.

        Raises SessionConflict (SessionSafetyError) with who uses it (``pids``, ``holder``) and what to do; and what
        `verdict` raises.
        """
        found = self.verdict()
        if found.state is State.UNSAFE:
            raise refusal(found, operation_type)
        return True

    def is_celery_workers_running(self) -> tuple[bool, list[int]]:
        """Whether anybody else uses the session, and their pids: by its lease, by its open file, or as a Celery worker
        of its folder. True without pids if somebody does who cannot be named. Raises what `verdict` does.
        """
        found = self.verdict()
        return found.state is State.UNSAFE, list(found.pids)

    # ---- holding

    def record_session_access(self, operation_type: str = "operation", additional_info: str = "") -> None:
        """Hold the session for this whole process, until `cleanup_session_access` or its end. Raises SessionConflict.

        ``additional_info`` is shown to others beside ``operation_type``.
        """
        purpose = f"{operation_type} {additional_info}".strip()
        context = SafeSessionContext(self.session_file, purpose, timeout=0.0, shared=True, clock=self._clock)
        context.__enter__()
        self._recorded.append(context)

    def cleanup_session_access(self) -> None:
        """Give back what `record_session_access` took last. Nothing, if nothing was."""
        if self._recorded:
            self._recorded.pop().__exit__(None, None, None)

    def safe_session_operation(self, operation_type: str = "operation") -> SafeSessionContext:
        """A context, for ``with`` and ``async with``, that checks first and holds the session while its block runs."""
        return SafeSessionContext(self, operation_type, clock=self._clock)

    def enforce_session_safety(self, operation_type: str = "operation") -> Callable[[Call], Call]:
        """A decorator: a function, or a coroutine function, that runs only while the session is held."""

        def guarded(function: Call) -> Call:
            if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
                raise TypeError("a generator is run by whoever reads it: guard that, or use safe_session_operation")

            @wraps(function)
            async def awaited(*args: Any, **options: Any) -> Any:
                async with self.safe_session_operation(operation_type):
                    return await function(*args, **options)

            @wraps(function)
            def call(*args: Any, **options: Any) -> Any:
                context = self.safe_session_operation(operation_type)
                with context:
                    result = function(*args, **options)
                    if inspect.isawaitable(result):  # its caller awaits it when we have returned
                        context.__enter__()
                        return _until_done(context, result)
                    return result

            return cast("Call", awaited if inspect.iscoroutinefunction(function) else call)

        return guarded


async def _until_done(context: SafeSessionContext, result: Awaitable[Any]) -> Any:
    try:
        return await result
    finally:
        context.__exit__(None, None, None)


def refusal(found: Verdict, operation_type: str) -> SessionBusy:
    """The error for an unsafe session. ``pids``: who uses it; ``operation``: what was to be done."""
    pids = f" (PIDs: {', '.join(map(str, found.pids))})" if found.pids else ""
    error = SessionBusy(
        f"Running {operation_type} now could end the session {found.session}: others use it{pids}. "
        f"{'; '.join(found.who)}.",
        holder=found.holder,
        since=found.holder.since if found.holder else None,
        remedy=found.remedy,
    )
    error.pids, error.operation = found.pids, operation_type
    return error


def _others(path: Path) -> list[Holder]:
    """Who has a lease of the file, but for this process."""
    found = holders(lease_folder(), map(lease_name, places.lease_ids(path)))
    return [each for each in dict.fromkeys(found.values()) if not each.is_this_process]


def enforce_session_safety(operation_type: str = "operation", session_file: places.Name = DEFAULT) -> Any:
    """`SessionSafetyManager.enforce_session_safety` of ``session_file``."""
    return SessionSafetyManager(session_file).enforce_session_safety(operation_type)


def check_session_safety_cli(operation_type: str = "operation", session_file: places.Name = DEFAULT) -> bool:
    """Print the verdict for a person, whatever it is; whether ``operation_type`` may run now."""
    try:
        found = SessionSafetyManager(session_file).verdict()
    except TelekeepError as error:
        sys.stdout.write(f"🚫 {error.message}\n" + (f"→ {error.remedy}\n" if error.remedy else ""))
        return False
    sys.stdout.write("".join(f"{line}\n" for line in found.lines))
    return found.state is not State.UNSAFE
