"""The flood-wait ledger: what Telegram has asked us not to do yet, and what goes slower since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from telekeep.errors import FloodWait
from telekeep.health.check import Finding, Severity, note, of_error, ok, warning
from telekeep.words import timeline

CHECK = "ledger"
LONG = 60.0  # seconds; shorter waits are waited out by whoever calls


class Deadline(NamedTuple):
    """``method`` of the session ``name`` is not to be called for ``seconds``; None: nothing is. ``until`` in wall-clock
    seconds. ``chat``: the only one it holds for. A login belongs to no session: its ``name`` is "".
    """

    name: str
    method: str | None
    seconds: float
    until: float = 0.0
    chat: str = ""


class Slowed(NamedTuple):
    """Calls of ``method`` by the session ``name`` are ``interval`` seconds apart."""

    name: str
    method: str
    interval: float


class Facts(NamedTuple):
    deadlines: Sequence[Deadline] = ()
    slowed: Sequence[Slowed] = ()


def judge(facts: Facts) -> list[Finding]:
    findings = [_judged(each) for each in facts.deadlines if each.seconds > 0]
    findings += [
        note(CHECK, f"{each.name} calls {each.method} every {each.interval:.1f} s, after a flood.", name=each.name)
        for each in facts.slowed
    ]
    return findings or [ok(CHECK, "No flood wait is running.")]


def _judged(each: Deadline) -> Finding:
    left = timeline(each.seconds, each.until)
    where = f" in {each.chat}" if each.chat else ""
    words = (
        f"{each.name} may not call {each.method or 'anything'}{where}: {left}."
        if each.name
        else f"A login may not be tried again: {left}."
    )
    name = each.name or None
    if each.chat or each.seconds <= LONG:  # one chat in slow mode is nothing that is wrong with a session
        return note(CHECK, words, name=name)
    if name is None:
        return warning(CHECK, words, "Wait until then; every try before makes it longer.")
    wait = f"Nobody asks before; `telekeep recover {name} --when-clear` waits for it and goes on by itself."
    return of_error(CHECK, FloodWait(words, remedy=wait), name=name, severity=Severity.ERROR)
