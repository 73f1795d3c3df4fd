"""Downloading a file on a loan against downloading it with a key of one's own, from the home and another data center.

The client is bare Telethon, which fetches one piece after the other.
"""

from __future__ import annotations

import asyncio
import random
import time
from statistics import median
from typing import Any

from telethon.crypto import rsa

from bench._lending import Lending, Row, borrower, direct_client, lending
from telekeep.session import network as networks

SIZE = 16 << 20
HOME, OTHER = 2, 4
ROUNDS = 9
BOUND = 1.5


def measure() -> list[Row]:
    """Two rows: the median of the ratios of two downloads in turn. At the other data center both clients are known."""
    with lending(direct=1, loans=1) as where:
        for phone in where.place.phones:
            for dc in (HOME, OTHER):
                where.place.emulator("file", phone=phone, size=SIZE, dc=dc)
        for pem in networks.load(str(where.place.folder / "network.toml")).keys:
            rsa.add_key(pem, old=False)
        return asyncio.run(_measure(where))


async def _measure(where: Lending) -> list[Row]:
    async with direct_client(where) as direct, borrower(where) as borrowed:
        return [
            await _row(f"{SIZE >> 20} MiB from the home data center", HOME, direct, borrowed),
            await _row(f"{SIZE >> 20} MiB from another data center", OTHER, direct, borrowed),
        ]


async def _row(what: str, dc: int, direct: Any, borrowed: Any) -> Row:
    files = {client: await _file(client, dc) for client in (direct, borrowed)}
    whole = random.Random(dc).randbytes(SIZE)  # as `bench._telegram` made it: no more to be packed than a film

    async def once(client: Any) -> float:
        began = time.perf_counter()
        data = await client.download_media(files[client], bytes)
        took = time.perf_counter() - began
        if data != whole:
            raise ValueError("the file has not arrived as it was sent")
        return took

    await once(direct), await once(borrowed)  # with handshakes and imported authorizations
    rounds = [(await once(direct), await once(borrowed)) for _ in range(ROUNDS)]
    bare, ours = (median(column) * 1e3 for column in zip(*rounds, strict=True))
    return f"{what}: {ours:.0f} ms against {bare:.0f} ms", median(b / d for d, b in rounds), BOUND


async def _file(client: Any, dc: int) -> Any:
    async for dialog in client.iter_dialogs():
        async for message in client.iter_messages(dialog.entity):
            if message.file and message.file.name == f"{dc}.bin":
                return message
    raise LookupError(f"no file of data center {dc} has arrived")


__all__ = ["measure"]
