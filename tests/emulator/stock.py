"""Stock Telethon, pointed at an emulator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from telethon import TelegramClient
from telethon.crypto import AuthKey, rsa
from telethon.sessions import MemorySession

from telekeep.emulator import Emulator
from telekeep.session.model import DataCenter, Session

QUICK = {"connection_retries": 3, "retry_delay": 0.05, "request_retries": 1, "flood_sleep_threshold": 0}


def session_at(where: DataCenter | Session) -> MemorySession:
    """A Telethon session: a minted one, or an empty one that will make a key at this data center."""
    found = MemorySession()
    dc = where.dc if isinstance(where, Session) else where
    found.set_dc(dc.id, dc.host, dc.port)
    if isinstance(where, Session):
        found.auth_key = AuthKey(where.auth_key.reveal())
    return found


def trust(telegram: Emulator) -> None:
    """Make the emulator's RSA key known to Telethon."""
    for pem in telegram.network.keys:
        rsa.add_key(pem, old=False)


@asynccontextmanager
async def telethon(telegram: Emulator, where: DataCenter | Session, **options: Any) -> AsyncIterator[TelegramClient]:
    """A connected stock client."""
    trust(telegram)
    client = TelegramClient(session_at(where), 1, "0" * 32, **(QUICK | options))
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()
