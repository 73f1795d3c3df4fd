"""``telekeep convert``: from one format into another, without a vault."""

from __future__ import annotations

from pathlib import Path

import click

from telekeep.cli.command import Invocation, Usage, command
from telekeep.cli.formats import FORM, check_variant, described
from telekeep.cli.passcode import PASSCODE_FILE, passcode_of
from telekeep.cli.placing import check_place, place
from telekeep.cli.source import read_source


@command(
    epilog="Examples: telekeep convert bot.session string.txt --to pyrogram-string\n"
    "          telekeep convert tdata main.session --to telethon-sqlite\n"
    "          telekeep convert - main.session --to telethon-v2 < string.txt\n"
    f"{described()}"
)
@click.argument("source", metavar="FILE|FOLDER|-")
@click.argument("out", metavar="OUT|-", type=click.Path(path_type=Path))
@click.option("--to", "form", type=FORM, required=True, help="The format to write.")
@click.option("--force", is_flag=True, help="Overwrite OUT if it is there.")
@click.option("--account", type=int, default=1, show_default=True, help="Which account of a tdata folder.")
@click.option("--variant", type=int, metavar="N", help="An older layout of the format to write.")
@PASSCODE_FILE
def convert(
    invocation: Invocation,
    source: str,
    out: Path,
    form: str,
    force: bool,
    account: int,
    variant: int | None,
    passcode_file: str | None,
) -> None:
    """Write a session in another format. Nothing is kept, nothing is sent to Telegram, and the source stays as it is.

    Both then hold the same key: only one of them may ever be used at a time. Peers and update state come along where
    both formats have them; what is lost is said.
    """
    from telekeep.session import formats
    from telekeep.session.formats import FORMATS
    from telekeep.session.network import load

    target = None if str(out) == "-" else out
    check_place(invocation, FORMATS[form], target, force=force, suggested="OUT")
    check_variant(form, variant)
    given, passcode = read_source(source, env=False), passcode_of(passcode_file)
    network = load(invocation.network) if invocation.network else None
    found, sessions = formats.read_all(given.data, network=network, passcode=passcode)
    if not 1 <= account <= len(sessions):
        raise Usage(f"There is no account {account} in it: it has {len(sessions)}.", remedy="Give --account 1 or more.")
    session = sessions[account - 1]
    losses = FORMATS[form].losses(session)
    name = target.name if target else "session"
    data = formats.write(session, form, variant=variant, name=name, passcode=passcode)
    if losses and not invocation.quiet:
        invocation.out.warn(f"Not in a {form}: {'; '.join(losses)}.")
    if target is None:
        invocation.out.secret(data.decode("ascii").rstrip("\n"))
        return
    exposed, done = place(FORMATS[form], data, target)
    invocation.out.warn(*exposed)
    told = {
        "from": found.name, "format": form, "file": str(target), "losses": losses, "key": session.auth_key.fingerprint,
        "accounts": len(sessions), "warnings": exposed,
    }  # fmt: skip
    invocation.out.data(told, () if invocation.quiet else [f"Read as {found.name}. {done}"])
