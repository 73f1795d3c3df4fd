"""One holding's right to speak with its key. It ends once, for one reason, and never begins again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import ref

from telekeep.errors import LeaseLost, TelegramNetworkError
from telekeep.lease.lease import Lease, Lost


class Line:
    """The right of one client to send under one lease, from connecting to disconnecting.

    ``on_end`` is called once, with the error that ends it, in the middle of whatever noticed.
    """

    def __init__(self, lease: Lease, on_end: Callable[[Exception], None]) -> None:
        self._lease = lease
        self._pid = os.getpid()
        self._on_end = on_end
        self._end: Callable[[], Exception] | None = None
        self._calls: dict[asyncio.Task[Any], int] = {}  # to how many cancellations each had seen before
        self._cut: frozenset[asyncio.Task[Any]] = frozenset()
        self._registered: list[ref[Any]] = []

    def check(self) -> None:
        """Make sure that we may send, right now. Called before every packet.

        Raises a ConnectionError, as Telethon's loops survive no other: LeaseLost if that is why, and ends the line.
        In a forked child it raises LeaseLost and ends nothing: the line is the parent's.
        """
        self.check_ours()
        if self._end is not None:
            error = self._error()
            raise error if isinstance(error, ConnectionError) else TelegramNetworkError(f"Closed: {error}")
        try:
            self._lease.check()
        except LeaseLost as lost:
            self.lose(lost.reason)
            raise

    def is_inherited(self) -> bool:
        """Whether this is a forked child of the process that holds the lease."""
        return os.getpid() != self._pid

    def check_ours(self) -> None:
        """Raise LeaseLost in a forked child."""
        if self.is_inherited():
            raise LeaseLost(
                reason=Lost.FORKED, remedy="Open the session anew in the child; it cannot share its parent's."
            )

    def lose(self, reason: str) -> None:
        """End the line because the lease is gone. A forked child ends nothing: loop and sockets are its parent's."""
        if reason != Lost.FORKED:
            self.end(lambda: LeaseLost(reason=reason))

    def end(self, error: Callable[[], Exception]) -> None:
        """End the line: nothing is sent any more, and every call under way raises ``error()``. The first one counts."""
        if self._end is not None:
            return
        self._end = error
        for task in self._calls:
            task.get_loop().call_soon(self._cut_off, task)  # soon: whoever has its answer already gets it
        self._on_end(error())

    def seal(self, error: Callable[[], Exception]) -> None:
        """End the line where no event loop can be told: the process ends, or the loop is gone.

        Nothing is sent any more and nothing connects again; calls under way are not told.
        """
        self._end = self._end or error

    def _cut_off(self, task: asyncio.Task[Any]) -> None:
        if task in self._calls:
            self._cut |= {task}
            task.cancel()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around whatever waits for Telegram: if the line ends meanwhile, this raises its error instead of hanging.

        Works as asyncio.timeout does: somebody else's cancellation stays one.
        """
        self.check_ours()
        if self._end is not None:
            raise self._error()
        task = asyncio.current_task()
        if task is None or task in self._calls:  # a call made by a call: the outer one is told
            yield
            return
        self._calls[task] = task.cancelling()
        try:
            yield
        except asyncio.CancelledError:
            if self._was_cut(task):
                raise self._error() from None
            raise
        finally:
            self._was_cut(task)
            del self._calls[task]

    def _was_cut(self, task: asyncio.Task[Any]) -> bool:
        """Take back our cancellation of ``task``. Whether it was ours alone."""
        if task not in self._cut:
            return False
        self._cut -= {task}
        return task.uncancel() <= self._calls[task]

    def _error(self) -> Exception:
        assert self._end is not None
        return self._end()

    def register(self, connection: Any) -> None:
        """Remember a connection (`telekeep.upstream.guarded`), so that `abort` finds it."""
        self._registered = [*map(ref, self._connections), ref(connection)]

    @property
    def _connections(self) -> list[Any]:
        return [each for known in self._registered if (each := known()) is not None]

    def abort(self) -> None:
        """Drop every connection that is still open, without waiting for anything."""
        for connection in self._connections:
            connection.abort()
