"""The connection that Telethon sends everything through: calls, pings, acks, downloads, every data center.

It asks the `Line` before it connects and before each packet. Given to Telethon by its public ``connection=`` argument.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from telethon.network.connection import ConnectionTcpFull

from telekeep.upstream.line import Line

_DISCARD = struct.pack("ii", 1, 0)  # on closing: discard what is not sent, and tell the other side at once


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
            """Drop the connection, and whatever was not sent yet with it, out of the kernel's hands too."""
            if self._writer is not None:
                with suppress(OSError):
                    line = self._writer.get_extra_info("socket")
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DISCARD)
                    line.shutdown(socket.SHUT_RDWR)
                with suppress(RuntimeError):  # its event loop is gone, and the socket soon after it
                    self._writer.transport.abort()

    return ConnectionGuarded
