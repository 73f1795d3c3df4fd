"""The flood-wait ledger: what Telegram has asked us not to do yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from telekeep.errors import FloodWait
from telekeep.health.check import Finding, Severity, of_error, ok
from telekeep.words import span

CHECK = "ledger"
LONG = 60.0  # seconds; shorter waits are waited out by whoever calls


class Deadline(NamedTuple):
    """``method`` of the session ``name`` is not to be called for ``seconds``; None: nothing is."""

    name: str
    method: str | None
    seconds: float


def judge(deadlines: Sequence[Deadline]) -> list[Finding]:
    due = [each for each in deadlines if each.seconds > 0]
    if not due:
        return [ok(CHECK, "No flood wait is running.")]
    return [
        of_error(
            CHECK,
            FloodWait(f"{each.name} may not call {each.method or 'anything'} for {span(each.seconds)}."),
            name=each.name,
            severity=Severity.ERROR if each.seconds > LONG else Severity.NOTE,
        )
        for each in due
    ]
