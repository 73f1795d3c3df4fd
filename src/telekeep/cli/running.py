"""What `telekeep run` does once it is understood. Loads no more than that takes: a program waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from telekeep.borrow.run import program
from telekeep.borrow.run.run import run
from telekeep.cli.output import Output
from telekeep.errors import ConfigError


class Asked(NamedTuple):
    """What was asked for. ``words``: the program and its arguments; ``seconds``: how long its loan lasts at most."""

    name: str
    words: tuple[str, ...]
    grant: str = "full"
    label: str = ""
    seconds: float | None = None
    home: Path | None = None
    network: str | None = None

    def program(self, environ: Mapping[str, str]) -> str | None:
        """The file of the program; None if there is none."""
        return program.find(self.words[0], environ)


def carry_out(asked: Asked, path: str, out: Output) -> int:
    """Run the program at ``path``; its exit code. Raises what the owner of the session says, and ConfigError."""
    seen = program.look(path, asked.words[1:])
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
            asked.name,
            path,
            asked.words,
            home=asked.home,
            network=asked.network,
            grant=asked.grant,
            label=asked.label or _label(asked.words),
            seconds=asked.seconds,
            note=out.note,
            warn=out.warn,
        )
    except OSError as error:
        raise ConfigError(f"{path} cannot be run: {error.strerror}.", remedy="Is it for this machine?") from None


def _label(words: tuple[str, ...]) -> str:
    """What others see the loan under unless told: the script, or what runs it."""
    scripts = (each for each in words[1:] if each.endswith((".py", ".pyz")))
    return Path(next(scripts, words[0])).name
