"""How a kurigram client comes to ask the line before every packet, and how it is stopped when the line ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from telekeep.errors import LeaseLost, SessionConflict, TelegramNetworkError
from telekeep.upstream import unshared
from telekeep.upstream.line import Line


def guarded(kind: type[Any], line: Callable[[], Line]) -> type[Any]:
    """``kind``, a connection class of kurigram's, such that each connection asks what ``line()`` is when it is made."""
    if issubclass(kind, _Guarded):
        kind = kind._unguarded  # it may have been another storage's
    own = {"_line_in_force": lambda self: line(), "_unguarded": kind, "__module__": __name__}
    return type(kind.__name__, (_Guarded, kind), own)


class _Guarded:
    """What makes a kurigram connection ask the line before it connects and before each packet, and unshared with
    forked children.

    kurigram tries again after every OSError, without end: the line's are told as SessionConflict.
    """

    protocol: Any
    _line_in_force: Callable[[], Line]
    _unguarded: type[Any]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._line = self._line_in_force()
        self._line.register(self)
        unshared.mind(self)

    async def connect(self) -> None:
        self._ask()
        await super().connect()  # type: ignore[misc]
        try:
            self._ask()
        except SessionConflict:
            self.abort()
            raise

    async def send(self, data: bytes) -> None:
        self._ask()
        await super().send(data)  # type: ignore[misc]

    def abort(self) -> None:
        """Drop the connection, and whatever was not sent yet with it."""
        if not self._line.is_inherited():
            unshared.drop(self._writer)

    def leave_to_parent(self) -> None:
        """In a forked child: let go of the socket."""
        unshared.leave(self._writer and self._writer.get_extra_info("socket"))

    @property
    def _writer(self) -> Any:
        return self.protocol and self.protocol.writer

    def _ask(self) -> None:
        try:
            self._line.check()
        except (LeaseLost, TelegramNetworkError) as ended:
            raise SessionConflict(ended.message, remedy=ended.remedy) from None


def stop(client: Any) -> None:
    """Have a kurigram client end every call and connect no more. Its connections are cut off already."""
    for session in (client.session, *client.sessions.values(), *client.media_sessions.values()):
        if session is not None:
            stopping = client.loop.create_task(_stopped(session))
            _stopping.add(stopping)
            stopping.add_done_callback(_stopping.discard)


async def _stopped(session: Any) -> None:
    for result in tuple(session.results.values()):
        result.event.set()  # each is asked once more, and told by the connection
    await session.stop()
    session.is_started.set()  # calls that come now are told at once, instead of after fifteen seconds


_stopping: set[asyncio.Task[None]] = set()
