"""A Telegram on loopback, and a clock that it and the logins live by."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from login.desk import Desk
from telekeep.emulator import Emulator
from telekeep.testing.fakes import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=time.time())


@pytest.fixture
async def telegram(clock: ManualClock) -> AsyncIterator[Emulator]:
    async with Emulator(clock=clock) as telegram:
        yield telegram


@pytest.fixture
def desk(telegram: Emulator, clock: ManualClock, tmp_path: Path) -> Desk:
    return Desk(telegram, clock, tmp_path)
