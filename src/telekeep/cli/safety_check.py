"""``telekeep safety-check``: may a session be used now, or does somebody use it? Takes nothing, and asks nobody but the
kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.arguments import NAME, is_there
from telekeep.cli.command import Invocation, command
from telekeep.cli.shelf import NOTHING, away, clock_in_force, entries, held, present
from telekeep.errors import SessionConflict, SessionNotFound
from telekeep.guard.places import SUFFIX
from telekeep.guard.safety import DEFAULT, SessionSafetyManager
from telekeep.guard.verdict import Found, State, Verdict, judge, worst

if TYPE_CHECKING:
    from telekeep.vault.record import Entry

EXIT_CODES = {State.SAFE: 0, State.UNSAFE: SessionConflict.exit_code, State.CAUTION: 8}


@command(
    "safety-check",
    epilog="Examples: telekeep safety-check\n"
    "          telekeep safety-check bot.session\n"
    "          telekeep safety-check main --json",
)
@click.argument("session", metavar="[NAME|FILE]", type=NAME, required=False)
def safety_check(invocation: Invocation, session: str | None) -> int:
    """Say whether a session can be used now: a kept one, or a file of a program's own.

    The first line is `✅ SAFE`, `🚫 UNSAFE` or `⚠️ CAUTION`; then who uses it, and what to do. Without a name, every
    kept session and the file telegram_session.session are looked at, and the worst is told. Exit code: 0 safe, 3
    somebody uses it, 8 a stale lock was left.
    """
    verdicts = [_looked_at(name, look) for name, look in _meant(invocation, session)]
    if not verdicts:
        raise _nothing(session)
    found = worst(verdicts)
    answer = {
        "state": found.state.value,
        "verdict": found.line,
        "pids": found.pids,
        "who": found.who,
        "remedy": found.remedy,
        "sessions": [{"session": each.session, "state": each.state.value, "pids": each.pids} for each in verdicts],
    }
    invocation.out.data(answer, found.lines[:1] if invocation.quiet else found.lines)
    return EXIT_CODES[found.state]


def _meant(invocation: Invocation, session: str | None) -> Iterator[tuple[str, Callable[[], Verdict]]]:
    """The sessions that are meant, each with what looks at it."""
    listed, now = entries(invocation)
    chosen = [entry for entry in present(listed) if session in (None, entry.name)]
    holders = held(chosen)
    gone = away(invocation) if chosen else frozenset()
    for entry in chosen:
        yield entry.name, partial(_kept, entry, holders.get(entry.lease), entry.lease in gone, now)
    file = session or DEFAULT
    if is_there(file) or is_there(file + SUFFIX):
        yield file, SessionSafetyManager(file, clock=clock_in_force(invocation)).verdict


def _kept(entry: Entry, holder: Any, is_away: bool, now: float) -> Verdict:
    """The verdict on a kept session: its lease alone decides."""
    return judge(
        Found(
            entry.name,
            now,
            () if holder is None else (holder,),
            is_away=is_away,
        )
    )


def _looked_at(name: str, look: Callable[[], Verdict]) -> Verdict:
    """What cannot be looked at counts as in use."""
    try:
        return look()
    except SessionConflict as error:
        return Verdict(State.UNSAFE, name, who=(error.message,), remedy=error.remedy)


def _nothing(session: str | None) -> SessionNotFound:
    if session is None:
        return SessionNotFound(NOTHING[0], remedy="Name a session file, or log in: telekeep auth NAME")
    return SessionNotFound(f"No session named {session!r} is kept here, and there is no such file.")
