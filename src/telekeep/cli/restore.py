"""``telekeep restore``: put an older generation of a session in force again."""

from __future__ import annotations

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.ask import confirm
from telekeep.cli.command import Invocation, command

WARNING = "An older key works only while Telegram still knows it, and must be used nowhere else at the same time."


@command(epilog="Example: telekeep restore main --generation 3")
@click.argument("name", type=NAME)
@click.option("--generation", type=click.IntRange(min=1), required=True, help="Which one: see `telekeep history NAME`.")
def restore(invocation: Invocation, name: str, generation: int) -> None:
    """Put an older generation of a session in force again. What is in force now stays stored as a generation too."""
    from telekeep.keeper import transfer

    with invocation.keeper() as keeper:
        confirm(invocation, f"Put generation {generation} of {name} in force?")
        entry = transfer.put_back(keeper, name, generation)
    invocation.out.warn(WARNING)
    done = f"Generation {generation} of {name} is in force again, as generation {entry.generation}."
    told = {"name": name, "restored": generation, "generation": entry.generation, "warning": WARNING}
    invocation.out.data(told, () if invocation.quiet else [done, f"→ Ask Telegram about it: telekeep test {name}"])
