"""Whoever comes in the moment in which a server closes its door is served or sent away, and never left hanging."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest

from telekeep.doors import shut


class Short(asyncio.Protocol):
    """Closes whatever connects."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


@pytest.mark.parametrize("turns", range(6))
async def test_nobody_hangs_who_came_just_before_the_end(turns: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Short, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    with socket.create_connection(address) as client:
        client.setblocking(False)
        for _ in range(turns):
            await asyncio.sleep(0)
        await shut(server)
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(loop.sock_recv(client, 1), 5) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
