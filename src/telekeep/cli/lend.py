"""``telekeep lend``: a loan of a kept session, for another program."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.command import Invocation, Usage, command
from telekeep.cli.output import moment
from telekeep.cli.safekeeping import dangers
from telekeep.cli.span import SPAN

STRING, SQLITE, PYROGRAM = "telethon-string", "telethon-sqlite", "pyrogram-sqlite"
_PATIENCE = 90.0  # seconds: the session may have to be opened first
_STAND_IN = 1, b"0" * 32  # an api id and hash: without one kurigram asks for it, and a gateway takes any


class _Form(click.Choice[str]):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value == "pyrogram-string":
            raise Usage(
                "A Pyrogram string has no place for an address: a program would take the loan to Telegram itself.",
                remedy="Lend a file (--to pyrogram-sqlite --out NAME.session, for kurigram 2.2.10 or newer), or use "
                "telekeep.client(NAME) or Telethon.",
            )
        return super().convert(value, param, ctx)


@command(
    epilog="Examples: telekeep lend main --as notebook --for 8h > loan.txt\n"
    "          telekeep lend main --grant read-only --to telethon-sqlite --out reader.session\n"
    "          telekeep lend main --to pyrogram-sqlite --out my_account.session"
)
@click.argument("name", type=NAME)
@click.option("--as", "label", metavar="LABEL", default="", help="What others see this loan under.")
@click.option(
    "--grant",
    metavar="PROFILE",
    default="full",
    show_default=True,
    help="full, read-only, archive, or TL methods (messages.getHistory,users.*).",
)
@click.option("--for", "seconds", type=SPAN, metavar="SPAN", help="How long it lasts, such as 90m, 8h or 30d.")
@click.option(
    "--to", "form", type=_Form([STRING, SQLITE, PYROGRAM]), default=STRING, show_default=True, help="What to write."
)
@click.option("--out", "out_file", type=click.Path(path_type=Path, dir_okay=False), help="A file, with mode 0600.")
@click.option("--force", is_flag=True, help="Overwrite the file if it is there.")
def lend(
    invocation: Invocation,
    name: str,
    label: str,
    grant: str,
    seconds: float | None,
    form: str,
    out_file: Path | None,
    force: bool,
) -> None:
    """Make a loan: a session for any program on this machine, worth nothing elsewhere.

    The program connects to the daemon instead of Telegram, may do what --grant allows, and never sees the real key. Any
    number of programs may use loans of one session at the same time. `telekeep loans list` shows them, `telekeep loans
    revoke` ends one. Nothing but the daemon answers a loan: `telekeep daemon install-service` keeps one running.

    pyrogram-sqlite is for kurigram, Pyrogram's current fork, from 2.2.10 on. Pyrogram itself keeps no address in its
    session files, and would take the loan to Telegram, which knows nothing of it.

    Without --out the loan goes to standard output as a string, alone.
    """
    if form != STRING and out_file is None:
        raise Usage("A session file needs a place.", remedy=f"Add --out {name}.session")
    if invocation.json and out_file is None:
        raise Usage("A loan is a secret, and never printed as JSON.", remedy="Add --out FILE, or leave --json away.")
    if out_file and not force and os.path.lexists(out_file):
        raise Usage(f"{out_file} is already there.", remedy="Name another file, or add --force to overwrite it.")
    given = _lent(invocation, name, label, grant, seconds)
    data = _written(given, form)
    told = {each: given[each] for each in ("id", "name", "label", "grant", "expires_at")}
    until = f", until {moment(given['expires_at'])}" if given["expires_at"] else ""
    known = f"Loan {given['id']} of {name}: {given['grant']}{until}."
    if out_file is None:
        invocation.out.secret(data.decode("ascii"))
        invocation.out.note(known)
        return
    from telekeep.paths import write_atomically

    write_atomically(out_file, data)
    exposed = dangers(out_file)
    invocation.out.warn(*exposed)
    lines = () if invocation.quiet else [known, f"Written to {out_file} (mode 0600)."]
    invocation.out.data({**told, "format": form, "file": str(out_file), "warnings": exposed}, lines)


def _lent(invocation: Invocation, name: str, label: str, grant: str, seconds: float | None) -> dict[str, Any]:
    from telekeep.borrow.summon import ask, home_of, summon

    with invocation.out.progress("Asking the daemon"):
        summon(invocation.home, invocation.network)
        given: dict[str, Any] = ask(
            home_of(invocation.home), "lend", timeout=_PATIENCE, name=name, label=label, grant=grant, seconds=seconds
        )
    return given


def _written(given: dict[str, Any], form: str) -> bytes:
    """The loan as another program reads it."""
    from telekeep.secret import Secret
    from telekeep.session.formats import FORMATS
    from telekeep.session.model import Application, AuthKey, DataCenter, Session, User

    api_id, api_hash = _STAND_IN
    dc, host, port = given["addresses"][0]
    session = Session(
        DataCenter(dc, host, port),
        AuthKey(bytes.fromhex(given["key"])),
        user=User(given["user_id"], given["is_bot"], given["username"]),
        application=Application(api_id, Secret(api_hash)),
        network=given["network"],
    )
    return FORMATS[form].write(session)
