"""A program that is told to end ends, whatever the daemon that it waits for does."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from telekeep.borrow.aside import aside
from telekeep.borrow.client import borrowed_client


def test_a_program_that_gives_up_does_not_stay_until_the_daemon_answers(tmp_path: Path) -> None:
    answered = threading.Event()

    def silence(before: str | None) -> Any:
        answered.wait(20)
        raise AssertionError("nobody waits for this")

    async def program() -> None:
        client = borrowed_client("main", silence, home=tmp_path)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.connect(), 0.05)

    began = time.monotonic()
    asyncio.run(program())
    took = time.monotonic() - began
    answered.set()
    assert took < 10


async def test_what_it_returns_and_raises_arrives() -> None:
    assert await aside(lambda: 7) == 7
    with pytest.raises(ValueError, match="seven"):
        await aside(lambda: int("seven"))
