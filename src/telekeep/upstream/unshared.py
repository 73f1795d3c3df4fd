"""A TCP connection that belongs to this process alone, whoever is forked from it.

A forked child (multiprocessing, ProcessPoolExecutor, Celery's prefork, os.fork) inherits every socket. To Telegram a
connection is open while anybody has its socket open: a child that lives on would keep its parent's open after the
parent has gone and the lease is another's, and two connections with one key are what Telegram destroys keys for. Hence:

- in the child, before it runs anything else, each inherited socket is replaced by /dev/null. The parent's is left in
  peace: nothing is shut down, and the event loop's epoll, which the two share, is not touched;
- in the parent, a connection is shut down before it is closed, which ends it for whoever has it open: children forked
  by C code that tells Python nothing, too. That leaves those children whose parent is killed while it is connected;
- a connection during whose making somebody forked is dropped unused, and made once more: the child may have it.
"""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from functools import cache
from typing import Any
from weakref import WeakSet

from telekeep.errors import TelegramNetworkError
from telekeep.upstream.straight import ConnectionStraight

_DISCARD = struct.pack("ii", 1, 0)  # on closing: discard what is not sent, and tell the other side at once


class Unshared:
    """What leaves forked children no part in a Telethon connection, of whichever class comes after this one.

    ``refused``: nobody listened when it was last tried.
    """

    _connected: bool
    _proxy: Any
    _writer: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.refused = False
        self._pid = os.getpid()
        self._closing: socket.socket | None = None  # the socket once more, while it is being closed
        mind(self)

    def is_inherited(self) -> bool:
        """Whether this is a forked child of the process that made the connection."""
        return os.getpid() != self._pid

    async def connect(self, timeout: float | None = None, ssl: Any = None) -> None:
        while True:
            forks = _forks
            try:
                await super().connect(timeout=timeout, ssl=ssl)  # type: ignore[misc]
            except ConnectionRefusedError:
                self.refused = not self._proxy  # or it is the proxy's refusal
                raise
            self.refused = False
            if forks == _forks:
                return
            await self.disconnect()

    async def disconnect(self) -> None:
        """Send what was handed over, and end the connection for everybody who has it open."""
        if self.is_inherited():
            self._connected = False
            return
        if not self._connected:
            return
        line = self._socket()
        with suppress(OSError):
            self._closing = line and line.dup()
        try:
            await super().disconnect()  # type: ignore[misc]
        finally:
            if self._closing is not None:
                with self._closing as closing, suppress(OSError):
                    closing.shutdown(socket.SHUT_RDWR)
                self._closing = None

    def abort(self) -> None:
        """Drop the connection, and whatever was not sent yet with it, out of the kernel's hands too."""
        if not self.is_inherited():
            drop(self._writer)

    def leave_to_parent(self) -> None:
        """In a forked child: let go of the socket. What is written to it from now on goes nowhere."""
        leave(self._socket(), self._closing)

    def _socket(self) -> Any:
        return self._writer and self._writer.get_extra_info("socket")


class ConnectionUnshared(Unshared, ConnectionStraight):
    """A Telethon connection that no forked child has a part in."""


def drop(writer: Any) -> None:
    """Drop the connection of this stream writer, if it has one, at once and for everybody who has it open."""
    line = writer and writer.get_extra_info("socket")
    if line is not None:
        with suppress(OSError):
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DISCARD)
            line.shutdown(socket.SHUT_RDWR)
        with suppress(RuntimeError):  # its event loop is gone, and the socket soon after it
            writer.transport.abort()


def refusal(sender: Any) -> TelegramNetworkError | None:
    """What to tell if nobody listens where Telethon's ``sender`` has just tried to connect to."""
    connection = sender._connection
    if not getattr(connection, "refused", False):
        return None
    host = f"[{connection._ip}]" if ":" in connection._ip else connection._ip
    return TelegramNetworkError(
        f"Telegram at {host}:{connection._port} refuses connections.",
        remedy="Please try again in some minutes; if it persists, check the firewall, or try another network.",
    )


# ---- forks

_connections: WeakSet[Any] = WeakSet()
_forks = 0


def mind(connection: Any) -> None:
    """From now on its ``leave_to_parent()`` is called in every forked child, before anything else."""
    _connections.add(connection)
    _mind_forks()


def leave(*lines: Any) -> None:
    """In a forked child: let go of these sockets, as far as they are open."""
    for line in lines:
        if line is not None and line.fileno() >= 0:
            _replace(line.fileno())


@cache
def _mind_forks() -> None:
    os.register_at_fork(before=_count, after_in_parent=_count, after_in_child=_leave_all)


def _count() -> None:
    """Before and after: a connection begun in between, by another thread, must notice as well."""
    global _forks
    _forks += 1


def _leave_all() -> None:
    for connection in tuple(_connections):
        connection.leave_to_parent()


def _replace(descriptor: int) -> None:
    """Put /dev/null in the place of a socket, so that its number is not taken by what is opened next.

    Closed first: it must not fail where no descriptor is left. The child has but one thread; nobody comes between.
    """
    os.close(descriptor)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    if null != descriptor:
        os.dup2(null, descriptor, inheritable=False)
        os.close(null)
