"""Calls of borrowers against calls of clients that have keys of their own, on one emulator in one run.

The call is ``users.getUsers`` for oneself. Both kinds take turns; a row is the median of the ratios of its rounds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from statistics import median
from typing import Any

from telethon import functions, types

from bench._lending import Lending, Row, borrower, cpu_seconds, direct_client, lending

ME = functions.users.GetUsersRequest([types.InputUserSelf()])
SERIAL, ROUNDS = 200, 21
BORROWERS, EACH, WIDE = 10, 100, 20
DELAYED, DELAY = 10, 0.03

Measure = Callable[[Any], Awaitable[float]]


def measure() -> list[Row]:
    """Five rows: one call, its CPU, two crowds, and one call over a slow network."""
    with lending(direct=BORROWERS, loans=BORROWERS) as where:
        return asyncio.run(_measure(where))


async def _measure(where: Lending) -> list[Row]:
    async with AsyncExitStack() as stack:
        direct = [await stack.enter_async_context(direct_client(where, n)) for n in range(BORROWERS)]
        borrowed = [await stack.enter_async_context(borrower(where, n)) for n in range(BORROWERS)]
        rows = [await _serial_row(direct[0], borrowed[0]), await _cpu_row(where, direct[0], borrowed[0])]
        rows.append(await _crowd_row("1 call in flight each", direct, borrowed, 1, 0.5))
        rows.append(await _crowd_row(f"{WIDE} in flight each", direct, borrowed, WIDE, 0.35))
        where.place.delay(DELAY)
        rows.append(await _delayed_row(direct[0], borrowed[0]))
        return rows


async def _pairs(once: Measure, direct: Any, borrowed: Any) -> tuple[float, float, float]:
    """What ``once`` finds with either in the median, and the median of the ratios: borrowed by direct."""
    await once(direct), await once(borrowed)
    pairs = [(await once(direct), await once(borrowed)) for _ in range(ROUNDS)]
    return median(d for d, _ in pairs), median(b for _, b in pairs), median(b / d for d, b in pairs)


async def _call(client: Any, count: int = SERIAL) -> float:
    """The median time of one call, in seconds."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        await client(ME)
        times.append(time.perf_counter() - began)
    return median(times)


async def _serial_row(direct: Any, borrowed: Any) -> Row:
    bare, ours, ratio = await _pairs(_call, direct, borrowed)
    return f"one borrowed call: {ours * 1e6:.0f} µs against {bare * 1e6:.0f} µs", ratio, 2.5


async def _cpu_row(where: Lending, direct: Any, borrowed: Any) -> Row:
    """The owner's CPU while a borrower asks, against this process' while a direct client does."""

    async def once(client: Any) -> float:
        process = time.process_time if client is direct else lambda: cpu_seconds(where.owner)
        before = process()
        await _call(client)
        return (process() - before) / SERIAL

    bare, ours, ratio = await _pairs(once, direct, borrowed)
    name = f"owner's CPU per small call: {ours * 1e6:.0f} µs against a bare client's {bare * 1e6:.0f} µs"
    return name, ratio, 2.0


async def _crowd_row(what: str, direct: list[Any], borrowed: list[Any], at_once: int, bound: float) -> Row:
    async def one(client: Any) -> None:
        for _ in range(EACH // at_once):
            await (client(ME) if at_once == 1 else client([ME] * at_once))

    async def rate(clients: list[Any]) -> float:
        began = time.perf_counter()
        await asyncio.gather(*map(one, clients))
        return len(clients) * (EACH // at_once) * at_once / (time.perf_counter() - began)

    bare, ours, ratio = await _pairs(rate, direct, borrowed)
    name = f"{len(borrowed)} borrowers, {what}: {ours:,.0f} calls/s against {bare:,.0f} of as many direct clients"
    return name, ratio, bound, "at least"


async def _delayed_row(direct: Any, borrowed: Any) -> Row:
    bare, ours, ratio = await _pairs(lambda client: _call(client, DELAYED), direct, borrowed)
    what = f"one borrowed call with {DELAY * 1000:.0f} ms of network delay"
    return f"{what}: {ours * 1e3:.2f} ms against {bare * 1e3:.2f} ms", ratio, 1.02


__all__ = ["measure"]
