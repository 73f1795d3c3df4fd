"""What a local lease costs, against the least that could do the same with ready-made parts."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from filelock import FileLock

from telekeep.clock import SystemClock
from telekeep.lease.local import LocalLeases

ROUNDS = 400
KEY = 0x0123456789ABCDEF


def measure() -> list[tuple[str, float, float]]:
    """Acquire and release a local lease, holder and fence on disk before it is given, against filelock with a holder as
    JSON in its file plus one SQLite commit with synchronous=FULL (the fence). Turn about, in one run, on one disk; the
    ratio of the medians.
    """
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "fences.db", isolation_level=None)
        ours, theirs = _lease(Path(folder) / "leases"), _parts(Path(folder), database)
        times: tuple[list[float], list[float]] = ([], [])
        for once in (ours, theirs):
            once()  # imports, and files made for the first time
        for _ in range(ROUNDS):
            for once, taken in zip((ours, theirs), times, strict=True):
                start = time.perf_counter()
                once()
                taken.append(time.perf_counter() - start)
        database.close()
    return [("lease acquire + release / filelock with holder + FULL commit", median(times[0]) / median(times[1]), 2.0)]


def _lease(folder: Path) -> Callable[[], None]:
    leases = LocalLeases(folder, clock=SystemClock())
    return lambda: leases.try_acquire(KEY).release()


def _parts(folder: Path, database: sqlite3.Connection) -> Callable[[], None]:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE fence (name TEXT PRIMARY KEY, value INTEGER)")
    database.execute("INSERT INTO fence VALUES ('key', 0)")

    def write_holder(descriptor: int) -> None:
        holder = {"pid": os.getpid(), "host": os.uname().nodename, "since": time.time()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)

    def once() -> None:
        lock = FileLock(
            folder / "parts.lock",
            timeout=0,
            thread_local=False,
            preserve_lock_file=True,
            fallback_to_soft=False,
            on_acquired=write_holder,
        )
        with lock:
            database.execute("UPDATE fence SET value = value + 1")

    return once
