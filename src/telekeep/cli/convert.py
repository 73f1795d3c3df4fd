"""``telekeep convert``: from one format into another, without a vault."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from telekeep.cli.command import Invocation, Usage, command
from telekeep.cli.formats import FORM, check_variant, described
from telekeep.cli.passcode import PASSCODE_FILE, passcode_of
from telekeep.cli.placing import check_place, place
from telekeep.cli.source import read_source
from telekeep.errors import FormatLoss

if TYPE_CHECKING:
    from telekeep.session.model import Session

_WHOSE = "Say whose it is: add --user-id ID, the number of the account. Or keep it, and use it once: telekeep test NAME"


@command(
    epilog="Examples: telekeep convert bot.session string.txt --to pyrogram-string\n"
    "          telekeep convert tdata main.session --to telethon-sqlite\n"
    "          telekeep convert - main.session --to telethon-v2 < string.txt\n"
    "          telekeep convert main.session - --to pyrogram-string --user-id 123456\n"
    f"{described()}"
)
@click.argument("source", metavar="FILE|FOLDER|-")
@click.argument("out", metavar="OUT|-", type=click.Path(path_type=Path))
@click.option("--to", "form", type=FORM, required=True, help="The format to write.")
@click.option("--force", is_flag=True, help="Overwrite OUT if it is there.")
@click.option("--account", type=int, default=1, show_default=True, help="Which account of a tdata folder.")
@click.option("--variant", type=int, metavar="N", help="An older layout of the format to write.")
@click.option("--user-id", type=click.IntRange(min=1), metavar="ID", help="Whose it is, where the source does not say.")
@PASSCODE_FILE
@click.option("--out-passcode-file", metavar="FILE", help="The same for OUT, where it shall have another.")
@click.option("--no-passcode", is_flag=True, help="Write a tdata folder without one, though its source has one.")
def convert(
    invocation: Invocation,
    source: str,
    out: Path,
    form: str,
    force: bool,
    account: int,
    variant: int | None,
    user_id: int | None,
    passcode_file: str | None,
    out_passcode_file: str | None,
    no_passcode: bool,
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
    if no_passcode and out_passcode_file:
        raise Usage("It has one passcode or none: --out-passcode-file and --no-passcode are one too many.")
    given, passcode = read_source(source, env=False), passcode_of(passcode_file)
    network = load(invocation.network) if invocation.network else None
    found, sessions = formats.read_all(given.data, network=network, passcode=passcode)
    if not 1 <= account <= len(sessions):
        raise Usage(f"There is no account {account} in it: it has {len(sessions)}.", remedy="Give --account 1 or more.")
    session = _owned(sessions[account - 1], user_id)
    losses = FORMATS[form].losses(session)
    name = target.name if target else "session"
    other = None if no_passcode else passcode_of(out_passcode_file) or passcode
    try:
        data = formats.write(session, form, variant=variant, name=name, passcode=other)
    except FormatLoss as error:
        if session.user is None and FORMATS[form].refusal(_owned(session, 1)) is None:
            raise FormatLoss(error.message, losses=error.losses, remedy=_WHOSE) from None
        raise
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


def _owned(session: Session, user_id: int | None) -> Session:
    """``session`` with the user that is said to be logged in; Usage if it says another one itself."""
    from telekeep.session.model import User

    if user_id is None:
        return session
    if user_id >= 1 << 63:
        raise Usage("No user of Telegram has such a number.")
    if session.user is not None and session.user.id != user_id:
        raise Usage("The source itself says that it is another user's.", remedy="Leave --user-id away.")
    return session if session.user else replace(session, user=User(user_id))
