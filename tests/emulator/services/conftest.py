from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from telethon import TelegramClient
from telethon.crypto import AuthKey, rsa
from telethon.sessions import MemorySession

from emulator.services.bench import Bench
from telekeep.emulator import Emulator
from telekeep.session.model import Session

Connect = Callable[..., Any]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
async def connect(telegram: Emulator) -> AsyncIterator[Connect]:
    """Opens stock Telethon clients on the emulator: with a minted session, or with a key of their own."""
    rsa.add_key(telegram.network.keys[0], old=False)
    # Telethon caches the configuration on the class; another test's emulator listened elsewhere.
    kind = type("Client", (TelegramClient,), {"_config": None, "_cdn_config": None})
    opened: list[Any] = []

    async def open_one(session: Session | Any = None, *, dc: int = 2, **options: Any) -> Any:
        if not isinstance(session, MemorySession):
            stored = MemorySession()
            place = session.dc if session else telegram.network.dc(dc)
            stored.set_dc(place.id, place.host, place.port)
            if session:
                stored.auth_key = AuthKey(session.auth_key.reveal())
            session = stored
        client = kind(session, 1, "any", flood_sleep_threshold=0, request_retries=1, **options)
        opened.append(client)
        await client.connect()
        return client

    yield open_one
    for client in opened:
        await client.disconnect()
