"""``telekeep test``: ask Telegram whether a session is valid."""

from __future__ import annotations

from typing import Any

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.command import Invocation, command
from telekeep.cli.options import ALL_IN_ALL, TIMEOUT
from telekeep.cli.output import style
from telekeep.errors import SessionNotFound
from telekeep.words import fitted

EXIT_CODES = {
    "ok": 0,
    "needs_login": 1,
    "conflict": 3,
    "rate_limited": 4,
    "network": 5,
    "config": 6,
    "corrupt": 7,
}


@command(epilog="Example: telekeep test main")
@click.argument("name", type=NAME)
@TIMEOUT
@click.option("--probe", "probing", is_flag=True, help="Ask also if the session is set aside: once, and alone.")
def test(invocation: Invocation, name: str, timeout: float, probing: bool) -> int:
    """Ask Telegram whether a session is valid, with one harmless request. Nobody is asked for a code.

    Exit code: 0 valid, 1 needs a login, 3 held by another, 4 rate limited, 5 network, 6 settings, 7 unreadable.
    """
    answer, lines, code = asked(invocation, name, timeout=timeout, probing=probing)
    invocation.out.data(answer, () if invocation.quiet else lines)
    return code


def asked(
    invocation: Invocation, name: str, *, timeout: float = ALL_IN_ALL, probing: bool = False
) -> tuple[dict[str, Any], list[str], int]:
    """What Telegram says of ``name``: as JSON, in words, and as an exit code."""
    import asyncio

    from telekeep.keeper.probe import probe

    with invocation.keeper() as keeper, invocation.out.progress("Asking Telegram"):
        found = asyncio.run(probe(keeper, name, timeout=timeout, probing=probing, patience=keeper.patience))
    remedy = fitted(found.remedy, name)
    answer = {
        "name": name,
        "state": found.state,
        "error": found.error,
        "remedy": remedy,
        "user": {"id": found.user_id, "username": found.username},
    }
    if found.state == "ok":
        username = f"Your username: @{found.username}" if found.username else "No username set"
        lines = [f"{style('✓', 'good')} {line}" for line in ("Session is valid", f"Your ID: {found.user_id}", username)]
    else:
        # Only Telegram can judge: a flood, a dead line, a busy session or a damaged file say nothing about validity.
        judged = found.state == "needs_login" and found.error != SessionNotFound.__name__
        verdict = "Session is invalid" if judged else "Session could not be tested"
        lines = [f"{style('✗', 'bad')} {verdict}: {found.reason}", f"Solution: {remedy}"]
    return answer, lines, EXIT_CODES[found.state]
