"""``telekeep export``: write a kept session for another program."""

from __future__ import annotations

from pathlib import Path

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.ask import confirm
from telekeep.cli.command import Invocation, command
from telekeep.cli.formats import FORM, check_variant, described
from telekeep.cli.passcode import PASSCODE_FILE, passcode_of
from telekeep.cli.placing import check_place, place


@command(
    epilog="Examples: telekeep export main --to telethon-string --out string.txt\n"
    "          telekeep export main --to telethon-sqlite --out main.session\n"
    "          telekeep export main --to tdata --out tdata\n"
    f"{described()}"
)
@click.argument("name", type=NAME)
@click.option("--to", "form", type=FORM, required=True, help="The format to write; see below.")
@click.option("--out", "out_file", type=click.Path(path_type=Path), help="A file with mode 0600, or a folder.")
@click.option("--force", is_flag=True, help="Overwrite the file if it is there.")
@click.option("--variant", type=int, metavar="N", help="An older layout of that format, such as Telethon's schema 8.")
@PASSCODE_FILE
def export(
    invocation: Invocation,
    name: str,
    form: str,
    out_file: Path | None,
    force: bool,
    variant: int | None,
    passcode_file: str | None,
) -> None:
    """Write this very key for another program. Whoever has the result has the account.

    Without --out a string goes to standard output, alone. What the format cannot hold is said first. The key exists
    twice then: telekeep and the other program must never speak with it at the same time, so a program on this machine
    is better served by `telekeep lend`. --yes exports even a session that is in use.
    """
    from telekeep.keeper import transfer
    from telekeep.session.formats import FORMATS

    check_place(invocation, FORMATS[form], out_file, force=force, suggested=name)
    check_variant(form, variant)
    with invocation.keeper() as keeper:
        leaving = transfer.prepare_export(keeper, name, form, even_if_held=invocation.yes)
        warnings = ["The copy and telekeep must never speak at the same time: Telegram would end the session."]
        if leaving.holder:
            warnings.insert(0, f"{name} is in use now (pid {leaving.holder.pid}).")
        if leaving.losses and not invocation.quiet:
            warnings.insert(0, f"Not in a {form}: {'; '.join(leaving.losses)}.")
        confirm(invocation, f"Let the key of {name} leave the vault?", *warnings)
        folder = out_file.name if out_file else name
        data = leaving.write(variant=variant, name=folder, passcode=passcode_of(passcode_file))
    if out_file is None:
        invocation.out.secret(data.decode("ascii").rstrip("\n"))
        return
    exposed, done = place(FORMATS[form], data, out_file)
    invocation.out.warn(*exposed)
    told = {"name": name, "format": form, "file": str(out_file), "losses": leaving.losses, "warnings": exposed}
    invocation.out.data(told, () if invocation.quiet else [done])
