"""What an owner takes: memory for each idle borrower and for each session, and the time until many sessions are ready.

Memory is what a process shares with no other, and grows by, from few to many: of the daemon while borrowers connect, of
a process of owners against a process of as many bare clients.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from statistics import median
from typing import Any

from bench._lending import (
    Lending,
    Place,
    Row,
    ask_daemon,
    borrower,
    daemon,
    first_line,
    lending,
    own_kilobytes,
    place,
    process,
)

BORROWERS, SESSIONS, FEW = 200, 200, 20
ROUNDS = 5

_READ = """
import gc, json, sys, time
from bench._lending import own_kilobytes

def kilobytes():
    gc.collect()
    import os
    return own_kilobytes(os.getpid())
"""

# Owners as the daemon has them, and loads them; it opens on its own those that are lent.
_OWNERS = (
    """
from telekeep.loading import settled
with settled():
    from telekeep.work.owners import Owners
"""
    + _READ
    + """
import asyncio
from telekeep.keeper.keeper import Keeper
from telekeep.upstream import owned

async def main(few, many):
    owners = Owners(Keeper.open())
    names = [f"main-{n}" if n else "main" for n in range(many)]
    if few:
        await asyncio.gather(*map(owners.owner, names[:few]))
    before = kilobytes()
    began = time.perf_counter()
    if few:
        await asyncio.gather(*map(owners.owner, names[few:]))
    else:
        await owners.resume()
    took = time.perf_counter() - began
    assert len(owners.status()) == many, owners.status()
    print(json.dumps({"seconds": took, "kilobytes": (kilobytes() - before) / (many - few)}), flush=True)

asyncio.run(main(*json.loads(sys.argv[1])))
"""
)

_BARE = (
    _READ
    + """
import asyncio
from telethon import TelegramClient
from telethon.sessions import StringSession

async def main(few, strings):
    async def connect(string):
        client = TelegramClient(StringSession(string), 1, "0" * 32)
        await client.connect()
        return client
    clients = await asyncio.gather(*map(connect, strings[:few]))
    before = kilobytes()
    began = time.perf_counter()
    clients += await asyncio.gather(*map(connect, strings[few:]))
    took = time.perf_counter() - began
    print(json.dumps({"seconds": took, "kilobytes": (kilobytes() - before) / (len(strings) - few)}), flush=True)

asyncio.run(main(*json.loads(sys.argv[1])))
"""
)


def measure() -> list[Row]:
    """Three rows; see their names."""
    with lending(direct=1, loans=BORROWERS) as where:
        rows = [asyncio.run(_borrower_row(where))]
    with place(direct=SESSIONS, owned=SESSIONS) as there:
        return [*rows, *_session_rows(there)]


async def _borrower_row(where: Lending) -> Row:
    async with AsyncExitStack() as stack:
        few = 0
        for number in range(BORROWERS):
            if number == FEW:
                few = own_kilobytes(where.owner)
            client = await stack.enter_async_context(borrower(where, number))
            await client.get_me()
        await asyncio.sleep(2.0)  # it tidies once a second
        each = (own_kilobytes(where.owner) - few) / (BORROWERS - FEW)
    return f"the owner's memory for each idle borrower, in kB: {each:.0f} of 150", each / 150, 1.0


def _session_rows(where: Place) -> list[Row]:
    names = [f"main-{number}" if number else "main" for number in range(SESSIONS)]
    with daemon(where):
        for name in names:
            ask_daemon(where, "lend", name=name, label="bench")
    strings = [where.string(number) for number in range(SESSIONS)]

    def pair(few: int) -> tuple[dict[str, Any], dict[str, Any]]:
        return _told(where, _BARE, few, strings), _told(where, _OWNERS, few, SESSIONS)

    pair(0)  # the first one compiles
    memory = [pair(FEW) for _ in range(ROUNDS)]
    times = [pair(0) for _ in range(ROUNDS)]
    bare, ours = (median(each["kilobytes"] for each in column) for column in zip(*memory, strict=True))
    bare_took, took = (median(each["seconds"] for each in column) for column in zip(*times, strict=True))
    return [
        (
            f"the owner's memory for each session: {ours:.0f} kB against {bare:.0f} kB of a bare client",
            median(b["kilobytes"] / d["kilobytes"] for d, b in memory),
            1.3,
        ),
        (
            f"{SESSIONS} sessions owned: {took:.2f} s against {bare_took:.2f} s of as many bare clients",
            median(b["seconds"] / d["seconds"] for d, b in times),
            1.5,
        ),
    ]


def _told(where: Place, program: str, *arguments: Any) -> dict[str, Any]:
    with process(["-c", program, json.dumps(arguments)], where.environ) as running:
        found: dict[str, Any] = first_line(running)
        return found


__all__ = ["measure"]
