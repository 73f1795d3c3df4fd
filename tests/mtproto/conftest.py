from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mtproto.client import RawClient
from mtproto.server import Running, Yes, running


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    async with running() as found:
        yield found


@pytest.fixture
def served(server: Running) -> Yes:
    return server.served


@pytest.fixture
async def client(server: Running) -> AsyncIterator[RawClient]:
    """A client whose key is known and whose salt is right; new_session_created and its ack are behind it."""
    async with await RawClient.open(server.address, server.served.new_key()) as found:
        await found.learn_salt()
        await found.ping()
        yield found
