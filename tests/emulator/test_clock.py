"""The emulator's clock moves on command, and wakes who sleeps by it. The wire's time does not."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from telekeep.clock import SystemClock
from telekeep.emulator import Emulator
from telekeep.emulator.clock import MovableClock
from telekeep.mtproto.schema import functions
from telekeep.session.model import Session


async def test_sleepers_wake_when_their_time_has_come() -> None:
    clock = MovableClock(SystemClock())
    short, long = asyncio.create_task(clock.sleep(3600)), asyncio.create_task(clock.sleep(7200))
    await asyncio.sleep(0)
    clock.advance(3601)
    async with asyncio.timeout(30):
        await short
    assert not long.done()
    clock.advance(3600)
    async with asyncio.timeout(30):
        await long


async def test_time_passes_by_itself_too() -> None:
    async with asyncio.timeout(30):
        await MovableClock(SystemClock()).sleep(0.01)


def test_it_never_goes_back_nor_beyond_the_dates_that_there_are() -> None:
    clock = MovableClock(SystemClock())
    for seconds in (-1, float("nan"), float("inf"), 1e10):  # dates have 32 bits: it would answer nobody any more
        with pytest.raises(ValueError, match="forward"):
            clock.advance(seconds)
    before = clock.wall(), clock.boot()
    clock.advance(100)
    assert clock.wall() >= before[0] + 100 and clock.boot() >= before[1] + 100
    assert clock.boot_id() == SystemClock().boot_id()


async def test_a_year_later_connections_still_work(telegram: Emulator, session: Session, raw: Any) -> None:
    """Message ids and salts go by the machine's clock: a client's own did not move."""
    client = await raw(session)
    telegram.advance(365 * 86400)
    config = await client.call(functions.help.GetConfigRequest())
    assert config.date.timestamp() > time.time() + 364 * 86400
    assert abs((client.seen[-1].id >> 32) - time.time()) < 300
