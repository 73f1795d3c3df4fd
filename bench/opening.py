"""A script that borrows, asks who it is and ends, against the same script on bare Telethon with a key of its own.

Whole processes, by turns, while the daemon runs: what a user would write, from nothing to the answer of get_me.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

from bench._lending import Place, Row, daemon, place, seconds_of

ROUNDS = 31
DELAY = 0.03

_BORROWED = """
import asyncio, telekeep

async def main():
    async with telekeep.client("main") as client:
        print((await client.get_me()).id)

asyncio.run(main())
"""

_BARE = """
import asyncio, os
from telethon import TelegramClient
from telethon.sessions import StringSession

async def main():
    async with TelegramClient(StringSession(os.environ["BARE"]), 1, "0" * 32) as client:
        print((await client.get_me()).id)

asyncio.run(main())
"""


def measure() -> list[Row]:
    """Two rows, without and with network delay: the median of the ratios of two processes that ran in turn."""
    with place() as where, daemon(where):
        row = _row(where, "a script with a borrowed client", 1.1)
        where.delay(DELAY)
        return [row, _row(where, f"the same with {DELAY * 1000:.0f} ms of network delay", 0.9)]


def _row(where: Place, what: str, bound: float) -> Row:
    environ = {**where.environ, "BARE": where.string()}
    scripts = [_program(where.folder / "bare.py", _BARE), _program(where.folder / "borrowed.py", _BORROWED)]
    rounds = [[seconds_of([script], environ) for script in scripts] for _ in range(1 + ROUNDS)][1:]  # one compiles
    bare, ours = (median(column) * 1e3 for column in zip(*rounds, strict=True))
    name = f"{what}: {ours:.0f} ms against {bare:.0f} ms of bare Telethon"
    return name, median(borrowed / direct for direct, borrowed in rounds), bound


def _program(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


__all__ = ["measure"]
