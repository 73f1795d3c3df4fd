"""The connection that Telethon sends everything through: calls, pings, acks, downloads, every data center.

It asks the `Line` before it connects and before each packet. Given to Telethon by its public ``connection=`` argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telethon.network.connection import ConnectionTcpFull

from telekeep.upstream.line import Line


def guarded(line: Callable[[], Line]) -> type[Any]:
    """A Telethon connection class. Each connection belongs to the line that is in force when it is made, for ever."""

    class ConnectionGuarded(ConnectionTcpFull):  # type: ignore[misc]  # Telethon carries no types
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._line = line()
            self._line.register(self)

        async def connect(self, timeout: float | None = None, ssl: Any = None) -> None:
            self._line.check()
            with self._line.call():  # an attempt under way must not outlive the lease
                await super().connect(timeout=timeout, ssl=ssl)

        def send(self, data: bytes) -> Any:
            self._line.check()
            return super().send(data)

        def abort(self) -> None:
            """Drop the connection with whatever it has not sent yet."""
            if self._writer is not None:
                self._writer.transport.abort()

    return ConnectionGuarded
