"""How long a borrower waits while its session is renewed, against a bare Telethon connect with handshake.

The borrower asks for itself again and again; its longest call of a renewal is the pause. Most of a renewal (the new
key, the login, dialogs and contacts) is done beside the old authorization, and is no part of it. Renewals and connects
take turns on one emulator; a row is the median of the ratios of its rounds.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import Any

from telethon import TelegramClient, functions, types
from telethon.crypto import rsa
from telethon.network import ConnectionTcpAbridged
from telethon.sessions import MemorySession

from bench._lending import API, Lending, Row, ask_daemon, borrower, lending
from telekeep.session import network as networks

ME = functions.users.GetUsersRequest([types.InputUserSelf()])
ROUNDS, DIALOGS = 11, 100


def measure() -> list[Row]:
    """One row: the longest call of a borrower during a renewal, by a connect with handshake."""
    with lending(direct=1, loans=1) as where:
        where.place.emulator("send", to=where.place.phones[0], text="hello", count=DIALOGS)
        return [asyncio.run(_row(where))]


async def _row(where: Lending) -> Row:
    for pem in networks.load(str(where.place.folder / "network.toml")).keys:
        rsa.add_key(pem, old=False)
    async with borrower(where) as client:
        await _pause(where, client), await _connect(where)
        rounds = [(await _connect(where), await _pause(where, client)) for _ in range(ROUNDS)]
    bare, ours = (median(column) * 1e3 for column in zip(*rounds, strict=True))
    name = f"pause of a borrower during renewal: {ours:.0f} ms against {bare:.0f} ms of a connect with handshake"
    return name, median(pause / connect for connect, pause in rounds), 3.0


async def _connect(where: Lending) -> float:
    session = MemorySession()
    session.set_dc(2, "127.0.0.1", where.place.port)
    kind: Any = type("Client", (TelegramClient,), {"_config": None})
    client = kind(session, *API, connection=ConnectionTcpAbridged)
    began = time.perf_counter()
    await client.connect()
    took = time.perf_counter() - began
    await client.disconnect()
    return took


async def _pause(where: Lending, client: Any) -> float:
    """The longest call while the daemon renews the session."""
    renewing = asyncio.create_task(asyncio.to_thread(ask_daemon, where.place, "renew", name="main", can=[]))
    longest = 0.0
    while not renewing.done():
        began = time.perf_counter()
        await client(ME)
        longest = max(longest, time.perf_counter() - began)
    assert renewing.result()["result"]["ended"]
    return longest


__all__ = ["measure"]
