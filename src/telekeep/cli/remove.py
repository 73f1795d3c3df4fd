"""``telekeep remove``: set a kept session aside, or bring it back."""

from __future__ import annotations

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.ask import confirm
from telekeep.cli.command import Invocation, command
from telekeep.vault.record import REMOVED

STILL_THERE = "Telegram still lists this login: to end it, terminate it in any Telegram app under Settings › Devices."


@command(epilog="Examples: telekeep remove old\n          telekeep remove old --undo")
@click.argument("name", type=NAME)
@click.option("--undo", is_flag=True, help="Bring it back.")
def remove(invocation: Invocation, name: str, undo: bool) -> None:
    """Set a kept session aside. Its sealed generations stay in the vault, and --undo brings it back.

    Its loans end for good: programs that come with them are told so. The login at Telegram is not ended by this.
    """
    from telekeep.keeper import transfer

    with invocation.keeper() as keeper:
        if undo:
            entry = transfer.restore(keeper, name)
            back = {"name": name, "state": entry.state, "generation": entry.generation}
            invocation.out.data(back, () if invocation.quiet else [f"{name} is back."])
            return
        keeper.vault.entry(name)
        confirm(invocation, f"Set {name} aside?")
        loans = transfer.remove(keeper, name)
    ended = [f"Loans of it that have ended: {loans}. Programs that come with them are told."] if loans else []
    lines = [f"{name} is set aside.", *ended, STILL_THERE, f"→ To bring it back: telekeep remove {name} --undo"]
    gone = {"name": name, "state": REMOVED, "loans_ended": loans, "warning": STILL_THERE}
    invocation.out.data(gone, () if invocation.quiet else lines)
