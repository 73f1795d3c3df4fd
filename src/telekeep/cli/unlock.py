"""``telekeep unlock``: give the daemon the vault's passphrase, for a time."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from telekeep.cli.command import Invocation, command
from telekeep.cli.output import since
from telekeep.cli.passphrase import TRIES, at_terminal
from telekeep.cli.span import SPAN
from telekeep.errors import ConfigError, SessionSealed


@command(epilog="Example: telekeep unlock --for 8h")
@click.option("--for", "seconds", type=SPAN, metavar="SPAN", help="Lock again after this time, such as 30m, 8h or 5d.")
def unlock(invocation: Invocation, seconds: float | None) -> None:
    """Let the daemon open the vault: for a vault sealed with a passphrase, and after `telekeep lock`.

    The passphrase is asked for at the terminal, or read from the file that TELEKEEP_PASSPHRASE_FILE names. The daemon,
    which is started if none runs, keeps the key in its memory until the time is over, it is locked, or it ends.
    """
    from telekeep.borrow.asking import ask, home_of
    from telekeep.borrow.summon import summon

    where = home_of(invocation.home)
    with invocation.out.progress("Starting the daemon"):
        summon(where.root, invocation.network, idle=None)
    source = ask(where, "status")["key_source"]
    if source is None:
        raise SessionSealed("There is no vault here yet.", remedy="Run `telekeep auth NAME` to keep a first session.")
    tries = TRIES if source == "passphrase" and at_terminal() and not os.environ.get(_FILE) else 1
    for left in reversed(range(tries)):
        phrase = _passphrase() if source == "passphrase" else None
        try:
            found: dict[str, Any] = ask(where, "unlock", passphrase=phrase, seconds=seconds)
            break
        except SessionSealed as error:
            if not left:
                raise
            invocation.out.warn(error.message)
    until = "" if found["locks_in"] is None else f" for {since(found['locks_in'] + 0.5)}"
    invocation.out.data(found, () if invocation.quiet else [f"The vault is open{until}."])


_FILE = "TELEKEEP_PASSPHRASE_FILE"


def _passphrase() -> str:
    if named := os.environ.get(_FILE):
        from telekeep.paths import check_private_file

        path = Path(named).expanduser()
        try:
            check_private_file(path)
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            raise ConfigError(f"The passphrase file {path} cannot be read.") from None
    if not at_terminal():
        raise ConfigError(
            "The passphrase is asked for at a terminal, and there is none.",
            remedy=f"Run the command in a terminal, or let {_FILE} name a file (mode 0600) that holds it.",
        )
    from getpass import getpass

    return getpass("Passphrase of the vault: ", stream=sys.stderr)
