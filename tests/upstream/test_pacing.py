"""Whoever accepts connections and drops them gets a few of ours, not thousands a second."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from zlib import crc32

import pytest

from telekeep.errors import TelegramNetworkError, TelegramRateLimitError
from telekeep.upstream.pacing import is_short, pause
from upstream.own_time import own_time
from upstream.place import Place, Wire, until

_HEAD = struct.pack("<IIi", 16, 0, -429)
FLOOD = _HEAD + struct.pack("<I", crc32(_HEAD))  # "too many connections", as the transport says it
ANSWERS = pytest.mark.parametrize("answer", [b"", FLOOD, b"\x17garbage" * 20], ids=["nothing", "-429", "garbage"])


@asynccontextmanager
async def dropping(port: int, answer: bytes) -> AsyncIterator[list[int]]:
    """A server that says ``answer`` to everyone and hangs up. Yields a list that grows with each connection."""
    accepted: list[int] = []

    async def drop(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(1)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(drop, "127.0.0.1", port)
    try:
        yield accepted
    finally:
        server.close()
        await server.wait_closed()


@ANSWERS
async def test_a_client_whose_server_drops_it_again_and_again_takes_its_time(
    place: Place, wire: Wire, answer: bytes
) -> None:
    client = place.client(retry_delay=0)
    await client.connect()
    await wire.cut()
    async with dropping(wire.port, answer) as accepted:
        await asyncio.sleep(0.6)
        assert len(accepted) <= 5
        await until(lambda: len(accepted) > 1)
    await wire.mend()
    async with asyncio.timeout(30):
        assert (await client.get_me()).id == place.ada.id
    await client.disconnect()


@ANSWERS
async def test_connecting_to_such_a_server_ends_in_time_and_gives_the_lease_back(
    place: Place, wire: Wire, answer: bytes
) -> None:
    client = place.client(retry_delay=0, terms={"connect_seconds": 0.6})
    await wire.cut()
    async with dropping(wire.port, answer) as accepted:
        with pytest.raises((TelegramNetworkError, TelegramRateLimitError)):
            await client.connect()
        await until(lambda: accepted)  # it may come to know of one a moment later
    assert len(accepted) <= 5
    assert place.is_free()
    await wire.mend()


async def test_a_single_lost_connection_is_made_again_without_delay(place: Place, wire: Wire) -> None:
    client = place.client(retry_delay=0)
    await client.connect()
    await wire.cut()
    await wire.mend()
    began = own_time()
    assert (await client.get_me()).id == place.ada.id
    assert own_time() - began < 1
    await client.disconnect()


def test_pauses_double_from_a_tenth_of_a_second_to_ten_seconds() -> None:
    def longest() -> float:
        return 1.0

    assert [pause(short, jitter=longest) for short in range(5)] == [0, 0.1, 0.2, 0.4, 0.8]
    assert pause(8, jitter=longest) == pause(1_000_000, jitter=longest) == 10
    for short in (1, 3, 9):
        waited = {pause(short) for _ in range(20)}
        assert len(waited) > 1, "many who were dropped together do not come back together"
        assert min(waited) >= pause(short, jitter=longest) / 2


def test_a_connection_that_lasted_ten_seconds_was_a_good_one() -> None:
    assert is_short(9.9) and not is_short(10.0)
