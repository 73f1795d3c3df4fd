"""``telekeep history``: which generations of a session are stored."""

from __future__ import annotations

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.command import Invocation, command
from telekeep.cli.output import moment, size
from telekeep.cli.shelf import table


@command(epilog="Example: telekeep history main")
@click.argument("name", type=NAME)
def history(invocation: Invocation, name: str) -> None:
    """Show every stored generation of a session, newest first. Needs no key.

    A new one is written whenever key, data center or user change: by a login, an import, a restore. "key ended":
    Telegram has declared the key dead; put in force again it is of no use.
    """
    with invocation.keeper() as keeper:
        stored = keeper.vault.history(name)
        dead = keeper.vault.quarantines()
    rows = [("GENERATION", "STATE", "SAVED", "NETWORK", "DC", "SIZE")]
    rows += [
        (
            str(each.generation),
            "key ended" if each.lease in dead else each.state,
            moment(each.saved_at) if each.saved_at else "?",
            each.network,
            str(each.dc_id),
            size(each.size),
        )
        for each in stored
    ]
    found = {
        "name": name,
        "generations": [
            {
                "generation": each.generation,
                "state": each.state,
                "saved_at": each.saved_at,
                "network": each.network,
                "dc": each.dc_id,
                "size": each.size,
                "ended": dead[each.lease].error if each.lease in dead else None,
            }
            for each in stored
        ],
    }
    way_back = f"→ To put one in force again: telekeep restore {name} --generation N"
    invocation.out.data(found, table(rows) if invocation.quiet else [*table(rows), way_back])
