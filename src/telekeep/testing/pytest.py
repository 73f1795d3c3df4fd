"""pytest fixtures for programs that speak to Telegram.

The plugin is found by pytest on its own wherever telekeep is installed, and loads nothing before a test asks for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

try:
    from pytest_asyncio import fixture
except ImportError:  # then there are no asynchronous tests that could ask for it
    from pytest import fixture  # type: ignore[no-redef]  # either will do

if TYPE_CHECKING:
    from telekeep.emulator import Emulator


@fixture
async def telegram() -> AsyncIterator[Emulator]:
    """A Telegram on loopback, started: accounts, sessions, faults and counters are its methods."""
    from telekeep.emulator import Emulator

    async with Emulator() as running:
        yield running
