"""What `telekeep run` does once it is understood. Loads no more than that takes: a program waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from telekeep.borrow.run import program
from telekeep.borrow.run.run import run
from telekeep.cli.invocation import Invocation
from telekeep.errors import ConfigError, TelekeepError


def carry_out(
    invocation: Invocation,
    name: str,
    path: str,
    words: Sequence[str],
    *,
    grant: str = "full",
    label: str = "",
    seconds: float | None = None,
) -> int:
    """Run the program at ``path``, called by ``words``, on a loan of ``name``; its exit code.

    ``grant``, ``label`` and ``seconds`` as in `telekeep lend`. Raises what the owner of the session says, and
    ConfigError.
    """
    out = invocation.out
    seen = program.look(path, words[1:])
    if seen.pyrogram:
        raise ConfigError(
            f"This program uses Pyrogram {seen.pyrogram}, whose sessions do not say where to connect to.",
            remedy="Install its fork instead, which programs use in the same way: pip uninstall pyrogram && "
            "pip install kurigram",
        )
    if seen.isolated:
        out.note(
            f"With {seen.isolated}, Python runs nothing of ours in the program: only one that takes its session from "
            "TELEGRAM_SESSION_STRING is on the loan, and it cannot download from other data centers."
        )
    try:
        return run(
            name,
            path,
            words,
            home=invocation.home,
            network=invocation.network,
            grant=grant,
            label=label or _label(words),
            seconds=seconds,
            note=out.note,
            warn=out.warn,
        )
    except TelekeepError:  # that of the network is an OSError, too
        raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be run: {error.strerror}.", remedy="Is it for this machine?") from None


def _label(words: Sequence[str]) -> str:
    """What others see the loan under unless told: the script, or what runs it."""
    scripts = (each for each in words[1:] if each.endswith((".py", ".pyz")))
    return Path(next(scripts, words[0])).name
