"""``telekeep import``: keep a session that another program made."""

from __future__ import annotations

from typing import Any

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.ask import confirm
from telekeep.cli.command import Invocation, Usage, command
from telekeep.cli.source import Source, read_source
from telekeep.errors import ConfigError
from telekeep.session.model import Session
from telekeep.vault.record import check_name

WARNING = (
    "From now on let telekeep alone use this key: a second program with a copy of it gets the session ended by "
    "Telegram, for good. Stop the other one, or log in separately with `telekeep auth`."
)


@command(
    epilog="Examples: telekeep import bot.session --as bot\n"
    "          telekeep import - --as main < string.txt\n"
    "          telekeep import --env --as main"
)
@click.argument("file", metavar="[FILE|-]", required=False)
@click.option("--env", is_flag=True, help="Take what the environment, .env or config.json name.")
@click.option("--as", "name", type=NAME, help="What to call it (default: the file's name).")
@click.option("--replace", is_flag=True, help="Put it in the place of the session of that name.")
def import_(invocation: Invocation, file: str | None, env: bool, name: str | None, replace: bool) -> None:
    """Keep a session that another program made. The source is read, never changed.

    A session string is not taken as an argument, where every process could read it: pipe it in with -, or use --env.
    """
    from telekeep.keeper import transfer
    from telekeep.session import formats

    source = read_source(file, env=env)
    name = name or _suggested(source)
    with invocation.keeper() as keeper:
        form = formats.recognise(source.data)
        session = transfer.read_foreign(keeper, source.data)
        found = {"format": form.name, **_described(session)}
        lacking = transfer.missing(session)
        invocation.out.words(*_lines(source.label, found, lacking))
        if replace:
            confirm(invocation, f"Put it in the place of {name}?")
        entry = transfer.import_session(keeper, session, name=name, replace=replace)
    invocation.out.warn(WARNING)
    kept = {"name": entry.name, "generation": entry.generation, **found, "missing": lacking, "warning": WARNING}
    invocation.out.data(
        kept, () if invocation.quiet else [f"Kept as {name}.", f"→ Ask Telegram about it: telekeep test {name}"]
    )


def _suggested(source: Source) -> str:
    try:
        return check_name(source.stem or "")
    except ConfigError:
        raise Usage("What shall it be called?", remedy="Add --as NAME.") from None


def _described(session: Session) -> dict[str, Any]:
    user = session.user
    return {
        "network": session.network,
        "dc": session.dc.id,
        "address": f"{session.dc.host}:{session.dc.port}",
        "key": session.auth_key.fingerprint,
        "user": {"id": user.id, "username": user.username} if user else None,
        "peers": len(session.peers),
    }


def _lines(label: str, found: dict[str, Any], lacking: tuple[str, ...]) -> list[str]:
    user = found["user"]
    lines = [
        f"Found in {label}: {found['format']}",
        f"  network  {found['network']}, data center {found['dc']} ({found['address']})",
        f"  key      {found['key']}",
        f"  user     {user['id'] if user else 'not said'}"
        + (f" (@{user['username']})" if user and user["username"] else ""),
        f"  peers    {found['peers']}",
    ]
    return lines + [f"  lacks    {words}" for words in lacking]
