"""``telekeep lend``: a loan of a kept session, for another program."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.command import Invocation, Usage, command
from telekeep.cli.formats import LENT_FORM
from telekeep.cli.options import LOAN
from telekeep.cli.output import moment
from telekeep.cli.placing import check_place, place
from telekeep.cli.span import SPAN

STRING = "telethon-string"


@command(
    epilog="Examples: telekeep lend main --as notebook --for 8h --out loan.txt\n"
    "          telekeep lend main --grant read-only --to telethon-sqlite --out reader.session\n"
    "          telekeep lend main --to pyrogram-sqlite --out my_account.session\n"
    "          telekeep lend main --for-container --out ./telekeep"
)
@click.argument("name", type=NAME)
@LOAN
@click.option("--for", "seconds", type=SPAN, metavar="SPAN", help="How long it lasts, such as 90m, 8h or 30d.")
@click.option(
    "--to", "form", type=LENT_FORM, default=STRING, show_default=True, help="What to write: any format with an address."
)
@click.option("--out", "out_file", type=click.Path(path_type=Path), help="A file, with mode 0600.")
@click.option("--for-container", is_flag=True, help="A folder to mount in a container; --out names it.")
@click.option("--address", metavar="IP", help="This machine's address on the containers' network (docker0's).")
@click.option("--force", is_flag=True, help="Overwrite the file if it is there.")
def lend(
    invocation: Invocation,
    name: str,
    label: str,
    grant: str,
    seconds: float | None,
    form: str,
    out_file: Path | None,
    for_container: bool,
    address: str | None,
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
    if for_container or address:
        _lend_to_container(invocation, name, label, grant, seconds, form, out_file, address)
        return
    from telekeep.session.formats import FORMATS

    secret = "A loan is a secret, and"
    check_place(invocation, FORMATS[form], out_file, force=force, suggested=name, secret=secret)
    given = lent(invocation, name, label, grant, seconds)
    data = written(given, form, folder=out_file.name if out_file else name)
    told = {each: given[each] for each in ("id", "name", "label", "grant", "expires_at")}
    until = f", until {moment(given['expires_at'])}" if given["expires_at"] else ""
    known = f"Loan {given['id']} of {name}: {given['grant']}{until}."
    if out_file is None:
        invocation.out.secret(data.decode("ascii").rstrip("\n"))
        invocation.out.note(known)
        return
    exposed, done = place(FORMATS[form], data, out_file)
    invocation.out.warn(*exposed)
    lines = () if invocation.quiet else [known, done]
    invocation.out.data({**told, "format": form, "file": str(out_file), "warnings": exposed}, lines)


def _lend_to_container(
    invocation: Invocation,
    name: str,
    label: str,
    grant: str,
    seconds: float | None,
    form: str,
    folder: Path | None,
    address: str | None,
) -> None:
    from telekeep.cli.container import KEY_FILE, STRING_FILE, WITHOUT_HOOK, container_address, write_folder

    if folder is None or (os.path.lexists(folder) and not folder.is_dir()):
        raise Usage("A container is given a folder.", remedy="Add --for-container --out ./telekeep, and mount that.")
    if form != STRING:
        raise Usage("A container is given a string.", remedy=f"Leave --to {form} away.")
    host = address or container_address()
    given = lent(invocation, name, label or folder.name, grant, seconds, host)
    write_folder(folder, written(given, STRING), given["server_key"])
    addresses = [f"{host}:{port} (DC {dc})" for dc, _, port in given["addresses"]]
    told = {each: given[each] for each in ("id", "name", "label", "grant", "expires_at", "addresses")}
    lines = [
        f"Loan {given['id']} of {name}: {given['grant']}.",
        f"Written to {folder}: {STRING_FILE}, the loan, and {KEY_FILE}, the gateway's public key.",
        f"The container reaches the gateway at {', '.join(addresses)}.",
        *(f"Does not work by itself there: {each}." for each in WITHOUT_HOOK),
    ]
    invocation.out.data(
        {**told, "folder": str(folder), "without_hook": WITHOUT_HOOK}, () if invocation.quiet else lines
    )


def lent(
    invocation: Invocation, name: str, label: str, grant: str, seconds: float | None, host: str | None = None
) -> dict[str, Any]:
    from telekeep.borrow.asking import OPENING

    wanted = {"name": name, "label": label, "grant": grant, "seconds": seconds, "host": host}
    given: dict[str, Any] = invocation.ask_daemon("lend", timeout=OPENING, **wanted)
    return given


def written(given: dict[str, Any], form: str, *, folder: str = "session") -> bytes:
    """The loan as another program reads it."""
    from telekeep.borrow.application import API_HASH, API_ID
    from telekeep.secret import Secret
    from telekeep.session import formats
    from telekeep.session.model import Application, AuthKey, DataCenter, Session, User

    dc, host, port = given["addresses"][0]
    session = Session(
        DataCenter(dc, host, port),
        AuthKey(bytes.fromhex(given["key"])),
        user=User(given["user_id"], given["is_bot"], given["username"]),
        application=Application(API_ID, Secret(API_HASH.encode())),
        network=given["network"],
    )
    return formats.write(session, form, name=folder)
