"""Knocking at a data center: without a key, and believing little of what answers."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from telekeep.clock import SystemClock
from telekeep.emulator import Emulator
from telekeep.errors import TelegramNetworkError
from telekeep.upstream.knock import knock

Answerer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(answer: Answerer) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def test_telegram_answers_and_says_what_time_it_is(telegram: Emulator) -> None:
    dc = telegram.network.first_dc
    clock = SystemClock()
    before, began = clock.wall(), clock.boot()
    answer = await knock(dc.host, dc.port, clock=clock, seconds=30.0)
    assert 0 < answer.seconds <= clock.boot() - began
    assert int(before) <= answer.time <= clock.wall(), "told in whole seconds"
    assert (telegram.stats.handshakes, telegram.stats.rpc) == (0, 0), "no key is made by asking"


async def test_nobody_there() -> None:
    async with listening(_silent) as port:
        pass
    with pytest.raises(TelegramNetworkError, match="cannot be reached"):
        await knock("127.0.0.1", port, clock=SystemClock())


async def test_one_who_says_nothing_is_given_up() -> None:
    async with listening(_silent) as port:
        with pytest.raises(TelegramNetworkError, match=r"not answered within 0\.1 s"):
            await knock("127.0.0.1", port, clock=SystemClock(), seconds=0.1)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        struct.pack("<Ii", 4, -404),
        struct.pack("<I", 88) + bytes(88),
        struct.pack("<I", 84) + struct.pack("<qQII", 0, 7 << 32, 64, 0x05162463) + bytes(60),  # another's nonce
        b"",
    ],
)
async def test_whoever_does_not_speak_as_telegram_is_not_taken_for_it(said: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(48)
        writer.write(said)
        await writer.drain()

    async with listening(answer) as port:
        with pytest.raises(TelegramNetworkError, match="does not speak"):
            await knock("127.0.0.1", port, clock=SystemClock(), seconds=30.0)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
