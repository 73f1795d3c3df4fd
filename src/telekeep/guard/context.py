"""`SafeSessionContext`: the lease on a session file, held for the whole time of use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from telekeep.clock import Clock, SystemClock
from telekeep.errors import LeaseLost, SessionBusy
from telekeep.guard import places
from telekeep.guard.hold import FileLeases
from telekeep.lease.lease import Lease
from telekeep.lease.renewal import TIMEOUT, acquire, acquire_blocking


@runtime_checkable
class Checks(Protocol):
    """What a `telekeep.guard.safety.SessionSafetyManager` is to a context."""

    session_file: places.Name

    def check_session_safety(self, operation_type: str) -> bool: ...


class SafeSessionContext:
    """Hold a session file while a block runs, in code with and without an event loop::

        with SafeSessionContext("bot.session"): ...
        async with SafeSessionContext("bot.session"): ...

    ``session``: the file, by the name that a client opens it by; or a `SessionSafetyManager`, whose checks are then
    made first. ``operation_type``: what others are told it is for. ``timeout``: seconds to wait for it (30; with a
    manager 0: it refuses at once). ``shared``: other threads and tasks of this process may join.

    Entering raises SessionConflict if another process uses the session by then, StorageUnavailable if its file cannot
    be read, ConfigError for a lease folder that cannot be relied upon. `check` says whether it is still ours.
    """

    def __init__(
        self,
        session: places.Name | Checks = "telegram_session",
        operation_type: str = "operation",
        *,
        timeout: float | None = None,
        shared: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._manager = session if isinstance(session, Checks) else None
        self._name = session.session_file if isinstance(session, Checks) else session
        self.operation_type = operation_type
        self.timeout = timeout if timeout is not None else 0.0 if self._manager else TIMEOUT
        self._shared = shared
        self._clock = clock or SystemClock()
        self._parts: list[Lease] = []

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._name)!r}, {'held' if self._parts else 'not held'})"

    def check(self) -> None:
        """Make sure that the session is still ours, now. Raises LeaseLost."""
        if not self._parts:
            raise LeaseLost(reason="it was never taken, or given back")
        self._parts[-1].check()

    # ---- code without an event loop

    def __enter__(self) -> Self:
        leases = self._prepared()
        with self._named():
            part = acquire_blocking(leases, 0, timeout=self.timeout, clock=self._clock, purpose=self.operation_type)
        self._parts.append(part)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.pop().release()

    # ---- code with one

    async def __aenter__(self) -> Self:
        leases = self._prepared()
        with self._named():
            part = await acquire(leases, 0, timeout=self.timeout, clock=self._clock, purpose=self.operation_type)
        self._parts.append(part)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.pop().release()

    # ---- inside

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except SessionBusy as error:
            error.operation = self.operation_type
            raise

    def _prepared(self) -> FileLeases:
        if self._manager is not None:
            self._manager.check_session_safety(self.operation_type)
        return FileLeases(places.database(self._name), clock=self._clock, shared=self._shared)
