"""What it costs a program to be of another release than the owner: the same calls, by Telethon 1.42 (layer 216), 1.26
(149) and the owner's own release, each in its own process on a loan of its own, in turns.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from telethon.crypto import AuthKey
from telethon.sessions import StringSession

from bench._lending import Lending, Row, lending

RELEASES = Path(__file__).parents[1] / ".venv" / "releases"
ROUNDS = 11
CALLS = (("me", 300, "one small call", 1.3), ("history", 20, "getHistory(100)", 2.5))
PINNED = ("telethon-1.42.0", "telethon-1.26.1")


def measure() -> list[Row]:
    """Two rows for each release: the median of the ratios of two programs that took turns."""
    with lending(direct=1, loans=1 + len(PINNED)) as where, ExitStack() as stack:
        where.place.emulator("send", to=where.place.phones[0], text="an ordinary message, of some length", count=110)
        own = stack.enter_context(_program(where, 0, sys.executable))
        rows = []
        for number, release in enumerate(PINNED, 1):
            other = stack.enter_context(_program(where, number, str(RELEASES / release / "bin" / "python")))
            rows += [_row(own, other, release, *call) for call in CALLS]
        return rows


def _row(own: subprocess.Popen[str], other: subprocess.Popen[str], release: str, *call: object) -> Row:
    name, count, what, bound = call
    order = f"{name} {count}"
    pairs = [(_ask(own, order), _ask(other, order)) for _ in range(1 + ROUNDS)][1:]
    mine, theirs = median(a for a, _ in pairs) * 1e6, median(b for _, b in pairs) * 1e6
    told = f"{what} of {release}, translated: {theirs:.0f} µs against {mine:.0f} µs"
    return told, median(b / a for a, b in pairs), float(str(bound))


def _ask(program: subprocess.Popen[str], order: str) -> float:
    assert program.stdin is not None and program.stdout is not None
    program.stdin.write(order + "\n")
    program.stdin.flush()
    return float(program.stdout.readline())


@contextmanager
def _program(where: Lending, number: int, python: str) -> Iterator[subprocess.Popen[str]]:
    loan = where.loans[number]
    session = StringSession()
    session.set_dc(*loan["addresses"][0])
    session.auth_key = AuthKey(bytes.fromhex(loan["key"]))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    command = [python, str(Path(__file__).with_name("_pinned.py"))]
    with subprocess.Popen(command, **pipes, text=True, env={"LOAN": session.save()}) as running:
        try:
            assert running.stdout is not None and running.stdout.readline() == "ready\n", f"{python} did not begin"
            yield running
        finally:
            running.kill()


__all__ = ["measure"]
