"""Calls per second of one stock Telethon client against the emulator, and against a bare server that follows no rule.

Both servers are processes of their own; the client takes turns. The request is what clients ask most,
``users.getUsers`` for themselves, and the bare server's fixed result is the emulator's answer to it.
"""

from __future__ import annotations

import asyncio
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

from telethon import TelegramClient, functions, types
from telethon.crypto import AuthKey
from telethon.network import ConnectionTcpAbridged
from telethon.sessions import MemorySession

SERIAL, PIPELINED, AT_ONCE, ROUNDS = 200, 2000, 100, 25
BOUND = 0.6
ME = functions.users.GetUsersRequest([types.InputUserSelf()])
DIFFERENCE = functions.updates.GetDifferenceRequest(pts=1, date=1, qts=0)

_EMULATOR = """
import asyncio
from telekeep.emulator import Emulator

async def main():
    async with Emulator() as telegram:
        session = telegram.mint(telegram.add_account())
        print(session.dc.port, session.auth_key.reveal().hex(), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def measure() -> list[tuple[str, float, float, str]]:
    """Two rows: the emulator's calls per second by those of the bare server, serial and pipelined."""
    return asyncio.run(_measure())


async def _measure() -> list[tuple[str, float, float, str]]:
    with _Process(["-c", _EMULATOR]) as emulator:
        port, key = _first_line(emulator).split()
        async with _client(int(port), key) as ours:
            canned = [f"{ME.CONSTRUCTOR_ID}:{_vector((await ours(ME))[0]).hex()}"]
            for request in (functions.help.GetConfigRequest(), functions.updates.GetStateRequest(), DIFFERENCE):
                canned.append(f"{request.CONSTRUCTOR_ID}:{bytes(await ours(request)).hex()}")
            bare_program = str(Path(__file__).with_name("_bare_server.py"))
            with _Process([bare_program, key, *canned]) as bare:
                async with _client(int(_first_line(bare)), key) as theirs:
                    return [
                        await _compared("serial calls", _serial, ours, theirs),
                        await _compared(f"pipelined calls ({AT_ONCE} at once)", _pipelined, ours, theirs),
                    ]


async def _compared(what: str, load: Any, ours: Any, theirs: Any) -> tuple[str, float, float, str]:
    await load(ours), await load(theirs)
    rates = [(await load(ours), await load(theirs)) for _ in range(ROUNDS)]
    ours_median, bare_median = (median(column) for column in zip(*rates, strict=True))
    name = f"emulator, {what}: {ours_median:,.0f}/s against {bare_median:,.0f}/s of a bare server"
    return name, median(found / bare for found, bare in rates), BOUND, "at least"


async def _serial(client: Any) -> float:
    started = time.perf_counter()
    for _ in range(SERIAL):
        await client(ME)
    return SERIAL / (time.perf_counter() - started)


async def _pipelined(client: Any) -> float:
    requests = [ME] * AT_ONCE
    started = time.perf_counter()
    for _ in range(PIPELINED // AT_ONCE):
        await client(requests)
    return PIPELINED / (time.perf_counter() - started)


@asynccontextmanager
async def _client(port: int, key: str) -> AsyncIterator[TelegramClient]:
    session = MemorySession()
    session.set_dc(2, "127.0.0.1", port)
    session.auth_key = AuthKey(bytes.fromhex(key))
    client = TelegramClient(session, 1, "0" * 32, connection=ConnectionTcpAbridged)
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


def _vector(item: Any) -> bytes:
    return struct.pack("<Ii", 0x1CB5C415, 1) + bytes(item)


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


class _Process:
    def __init__(self, arguments: list[str]) -> None:
        self._process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> subprocess.Popen[str]:
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()
