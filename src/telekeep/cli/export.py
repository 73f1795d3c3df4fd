"""``telekeep export``: write a kept session for another program."""

from __future__ import annotations

import os
from pathlib import Path

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.ask import confirm
from telekeep.cli.command import Invocation, Usage, command
from telekeep.cli.safekeeping import dangers

FORMS = ("telethon-string", "telethon-sqlite", "pyrogram-string", "pyrogram-sqlite")


@command(
    epilog="Examples: telekeep export main --to telethon-string --yes > string.txt\n"
    "          telekeep export main --to telethon-sqlite --out main.session"
)
@click.argument("name", type=NAME)
@click.option("--to", "form", type=click.Choice(FORMS), required=True, help="The format to write.")
@click.option(
    "--out", "out_file", type=click.Path(path_type=Path, dir_okay=False), help="A file, written with mode 0600."
)
@click.option("--force", is_flag=True, help="Overwrite the file if it is there.")
def export(invocation: Invocation, name: str, form: str, out_file: Path | None, force: bool) -> None:
    """Write this very key for another program. Whoever has the result has the account.

    Without --out a string goes to standard output, alone. The key exists twice then: telekeep and the other program
    must never speak with it at the same time. --yes exports even a session that is in use.
    """
    from telekeep.keeper import transfer
    from telekeep.paths import write_atomically

    if form.endswith("-sqlite") and out_file is None:
        raise Usage("A session file needs a place.", remedy=f"Add --out {name}.session")
    if invocation.json and out_file is None:
        raise Usage("A secret is never printed as JSON.", remedy="Add --out FILE, or leave --json away.")
    if out_file and not force and os.path.lexists(out_file):
        raise Usage(f"{out_file} is already there.", remedy="Name another file, or add --force to overwrite it.")
    with invocation.keeper() as keeper:
        leaving = transfer.prepare_export(keeper, name, form, even_if_held=invocation.yes)
        warnings = ["The copy and telekeep must never speak at the same time: Telegram would end the session."]
        if leaving.holder:
            warnings.insert(0, f"{name} is in use now (pid {leaving.holder.pid}).")
        if leaving.losses and not invocation.quiet:
            warnings.insert(0, f"Not in a {form}: {'; '.join(leaving.losses)}.")
        confirm(invocation, f"Let the key of {name} leave the vault?", *warnings)
        data = leaving.write()
    if out_file is None:
        invocation.out.secret(data.decode("ascii"))
        return
    write_atomically(out_file, data)
    exposed = dangers(out_file)
    invocation.out.warn(*exposed)
    told = {"name": name, "format": form, "file": str(out_file), "losses": leaving.losses, "warnings": exposed}
    invocation.out.data(told, () if invocation.quiet else [f"Written to {out_file} (mode 0600)."])
