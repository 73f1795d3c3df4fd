"""Yes or no: asked at a terminal, or not at all."""

from __future__ import annotations

import sys

import click

from telekeep.cli.command import Invocation, Usage
from telekeep.cli.controls import without
from telekeep.cli.passphrase import at_terminal


def confirm(invocation: Invocation, question: str, *warnings: str) -> None:
    """Go on only after a yes: ``--yes``, or one typed at the terminal. ``warnings`` are printed before it.

    Raises click.Abort for any other answer; Usage, without a warning, where nobody can be asked (standard input is
    never read then).
    """
    if not (invocation.yes or at_terminal()):
        raise Usage(f"{question} Nobody can be asked here: standard input is no terminal.", remedy="Add --yes for yes.")
    invocation.out.warn(*warnings)
    if invocation.yes:
        return
    sys.stderr.write(f"{without(question)} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise click.Abort


__all__ = ["at_terminal", "confirm"]
