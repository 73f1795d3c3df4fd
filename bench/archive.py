"""The archive against programs that read for themselves, side by side on one emulator.

Each is a process of its own; what it takes to load is not counted. The programs have authorizations of another account
than the daemon's.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench._lending import Lending, Row, first_line, lending, process

SIZE, ROUNDS = 50_000, 3
FEW = 500  # for the loop that commits each message
SMALL, LARGE = 10_000, 100_000
PER_SECOND, SECONDS = 200, 2.0


def measure() -> list[Row]:
    """Five rows: against a loop that keeps nothing, against one that commits each message, memory, and live."""
    with lending(direct=1, loans=0) as where:
        owned, free = where.place.phones
        few, ours, small, large = (
            where.place.emulator("fill", phone=owned, count=size) for size in (FEW, SIZE, SMALL, LARGE)
        )
        their_few, theirs = (where.place.emulator("fill", phone=free, count=size) for size in (FEW, SIZE))
        _archived(where, "first.db", few, FEW)  # the daemon connects
        rounds = [
            (_archived(where, f"history{number}.db", ours, SIZE), _read(where, theirs, "nothing", SIZE))
            for number in range(ROUNDS)
        ]
        each = [
            (
                _archived(where, f"few{number}.db", few, FEW),
                _read(where, their_few, str(where.place.folder / f"each{number}.db"), FEW),
            )
            for number in range(ROUNDS)
        ]
        sizes = [
            _archived(where, f"size{size}.db", chat, size, "kilobytes")
            for size, chat in ((SMALL, small), (LARGE, large))
        ]
        live = [(_live_bare(where, free), _live_kept(where, owned, number, large)) for number in range(ROUNDS)]
    kept, bare = (median(column) for column in zip(*rounds, strict=True))
    heard, committed = (median(delay for delay, _ in column) * 1e3 for column in zip(*live, strict=True))
    return [
        (
            f"{SIZE:,} messages into SQLite: {kept:.2f} s against {bare:.2f} s of iter_messages that keeps nothing",
            median(a / b for a, b in rounds),
            1.4,
        ),
        (f"{FEW:,} messages, against a loop with a commit for each", median(a / b for a, b in each), 1.0),
        (
            f"memory of archiving {LARGE:,} messages: {sizes[1] / 1024:.0f} MB, {sizes[0] / 1024:.0f} MB for {SMALL:,}",
            sizes[1] / sizes[0],
            1.2,
        ),
        (f"{PER_SECOND} live messages/s: missing or kept twice", sum(wrong for pair in live for _, wrong in pair), 0.0),
        (
            f"{PER_SECOND} live messages/s: committed in {committed:.1f} ms, a bare handler has them in {heard:.1f}",
            median(b[0] / a[0] for a, b in live),
            3.0,
        ),
    ]


def _archived(where: Lending, name: str, chat: int, size: int, what: str = "seconds") -> float:
    found = _said(where, "_archiver.py", "historical", "main", str(where.place.folder / name), str(chat))
    assert found["messages"] == size, found
    return float(found[what])


def _read(where: Lending, chat: int, to: str, size: int) -> float:
    found = _said(where, "_reader.py", str(where.place.port), where.place.keys[0], str(chat), to)
    assert found["messages"] == size, found
    return float(found["seconds"])


def _live_bare(where: Lending, phone: str) -> tuple[float, float]:
    return _live(where, phone, "_listeners.py", json.dumps([[2, "127.0.0.1", where.place.port, where.place.keys[0]]]))


def _live_kept(where: Lending, phone: str, number: int, chat: int) -> tuple[float, float]:
    """``chat``: whoever wrote last goes on writing."""
    to = str(where.place.folder / f"live{number}.db")
    return _live(where, phone, "_archiver.py", "monitor", "main", to, str(chat))


def _live(where: Lending, phone: str, *command: str) -> tuple[float, float]:
    """The median delay in seconds, and how many messages were missing or came twice."""
    with ExitStack() as stack:
        running = stack.enter_context(_process(where, *command))
        first_line(running)
        sent = where.place.emulator("live", phone=phone, per_second=PER_SECOND, seconds=SECONDS)
        print(sent, file=running.stdin, flush=True)
        found = first_line(running)
    return median(found["delays"]), float(found["wrong"])


def _said(where: Lending, *command: str) -> Any:
    with _process(where, *command) as running:
        return first_line(running)


def _process(where: Lending, program: str, *arguments: str) -> Any:
    root = str(Path(__file__).parents[1])
    return process([str(Path(__file__).with_name(program)), *arguments], {**where.place.environ, "PYTHONPATH": root})


__all__ = ["measure"]
