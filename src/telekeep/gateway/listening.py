"""The addresses at which one gateway listens: on loopback always, and at others for as long as containers use them."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable
from functools import partial

from telekeep.doors import shut
from telekeep.errors import GatewayError
from telekeep.gateway.server import Front
from telekeep.mtproto.connection import Connection
from telekeep.session.network import Address

_log = logging.getLogger(__name__)

_BACKLOG = 512


class Listening:
    """The gateway of the session ``name``. ``front``: what serves an address, given all that is told of there."""

    def __init__(self, name: str, front: Callable[[Address, tuple[Address, ...]], Front]) -> None:
        self._name = name
        self._front = front
        self._servers: dict[Address, asyncio.Server] = {}
        self._failing: frozenset[str] = frozenset()

    async def open(self, addresses: tuple[Address, ...]) -> None:
        """Listen at ``addresses``. Raises GatewayError if one cannot be had."""
        loop = asyncio.get_running_loop()
        for address in addresses:
            if address in self._servers:
                continue
            serve = partial(Connection, self._front(address, addresses))
            try:
                server = await loop.create_server(serve, sock=_socket(address), backlog=_BACKLOG)
            except OSError as error:
                raise GatewayError(
                    f"The gateway of {self._name!r} cannot listen on {address.host}:{address.port}: {error.strerror}.",
                    remedy="Stop the program that uses this port; loans name it.",
                ) from None
            self._servers[address] = server

    async def keep_open(self, groups: Iterable[tuple[Address, ...]], *, besides: tuple[Address, ...]) -> None:
        """Listen at ``groups`` and at ``besides``, and nowhere else. What cannot be had now is tried the next time: the
        network of a container may be there later.
        """
        wanted = list(groups)
        for address in set(self._servers) - {each for group in (besides, *wanted) for each in group}:
            await shut(self._servers.pop(address))
        for group in wanted:
            host = group[0].host
            try:
                await self.open(group)
                self._failing -= {host}
            except GatewayError as error:
                if host not in self._failing:
                    _log.warning("%s It is tried again.", error)
                self._failing |= {host}

    async def stop(self) -> None:
        """Take no new connections."""
        await shut(*self._servers.values())

    async def ended(self) -> None:
        """Wait until all is closed, connections that were made here included."""
        for server in self._servers.values():
            await server.wait_closed()
        self._servers.clear()


def _socket(address: Address) -> socket.socket:
    """A socket at an address. asyncio would look its name up first, in a task of its own. Raises OSError.

    It says that it is TCP: otherwise asyncio leaves Nagle's algorithm on for those that it accepts.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address.host, address.port))
    except BaseException:
        made.close()
        raise
    return made
