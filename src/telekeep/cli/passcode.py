"""The local passcode of a tdata folder: from a file, never an argument."""

from __future__ import annotations

import click

from telekeep.secret import Secret

PASSCODE_FILE = click.option("--passcode-file", metavar="FILE", help="Holds the local passcode of a tdata folder.")


def passcode_of(file: str | None) -> Secret | None:
    """What is on the first line of ``file``. Raises ConfigError if it cannot be read, or is empty."""
    if file is None:
        return None
    from telekeep.cli.auth import first_line

    return first_line(file, "The passcode file")
