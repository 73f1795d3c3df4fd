"""Live updates to ten borrowers against the same updates to ten direct clients on ten authorizations.

Each message says when it was sent, on the clock of this machine, and each handler looks at it. The clients are spread
over two processes: one alone would be what limits them.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from bench._lending import Lending, Row, first_line, lending, process

CLIENTS, PROCESSES = 10, 2
PER_SECOND, SECONDS = 1_000, 2.0
ROUNDS = 7


def measure() -> list[Row]:
    """Two rows: what was missing or came twice, and the median delay."""
    with lending(direct=CLIENTS, loans=CLIENTS) as where:
        borrowers = [[*loan["addresses"][0], loan["key"]] for loan in where.loans]
        direct = [[2, "127.0.0.1", where.place.port, key] for key in where.place.keys]
        owned, free = where.place.phones
        rounds = [(_round(where, direct, free), _round(where, borrowers, owned)) for _ in range(1 + ROUNDS)][1:]
    bare, ours = (median(delay for delay, _ in column) * 1e3 for column in zip(*rounds, strict=True))
    what = f"{PER_SECOND:,} live updates/s to {CLIENTS} borrowers"
    return [
        (f"{what}: missing or told twice", float(sum(wrong for _, (_, wrong) in rounds)), 0.0),
        (
            f"{what}: median delay {ours:.1f} ms against {bare:.1f} ms of as many direct clients",
            median(borrowed[0] / direct[0] for direct, borrowed in rounds),
            2.0,
        ),
    ]


def _round(where: Lending, clients: list[list[Any]], phone: str) -> tuple[float, int]:
    """The median delay in seconds, and how many messages were missing or came twice."""
    program = str(Path(__file__).with_name("_listeners.py"))
    root = str(Path(__file__).parents[1])
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                process([program, json.dumps(clients[n::PROCESSES])], {**where.place.environ, "PYTHONPATH": root})
            )
            for n in range(PROCESSES)
        ]
        for each in running:
            first_line(each)
        sent = where.place.emulator("live", phone=phone, per_second=PER_SECOND, seconds=SECONDS)
        for each in running:
            print(sent, file=each.stdin, flush=True)
        found = [first_line(each) for each in running]
    return median(chain(*(each["delays"] for each in found))), sum(each["wrong"] for each in found)


__all__ = ["measure"]
