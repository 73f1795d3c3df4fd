"""Closing a server's door.

asyncio forgets whom it has accepted in the very moment in which a server closes: the connection is made one turn of the
event loop later, fails for want of a server (`asyncio.Server._attach`), and hangs until the collector finds it.
"""

from __future__ import annotations

import asyncio


async def shut(*servers: asyncio.Server) -> None:
    """Take no new connections. Whoever came just before is served: each is known to its server when this returns."""
    loop = asyncio.get_running_loop()
    for server in servers:
        for listener in server.sockets:
            loop.remove_reader(listener.fileno())
    for _ in range(2):  # its transport is made, and then its protocol is told
        await asyncio.sleep(0)
    for server in servers:
        server.close()
