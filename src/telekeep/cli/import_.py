"""``telekeep import``: keep a session that another program made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.arguments import NEW_NAME
from telekeep.cli.ask import confirm
from telekeep.cli.command import Invocation, Usage, command
from telekeep.cli.passcode import PASSCODE_FILE, passcode_of
from telekeep.cli.source import Source, read_source
from telekeep.errors import ConfigError
from telekeep.session.model import Session
from telekeep.vault.record import check_name

if TYPE_CHECKING:
    from telekeep.session.formats import Form

WARNING = (
    "From now on let telekeep alone use this key: a second program with a copy of it gets the session ended by "
    "Telegram, for good. Stop the other one, or give each a login of its own: `telekeep fork`, `telekeep auth`."
)


@command(
    epilog="Examples: telekeep import bot.session --as bot\n"
    "          telekeep import - --as main < string.txt\n"
    "          telekeep import --env --as main --test\n"
    "          telekeep import ~/.local/share/TelegramDesktop/tdata --as desktop\n"
    "          telekeep import bot.session --as bot --move\n"
    "          telekeep import sessions/"
)
@click.argument("file", metavar="[FILE|FOLDER|-]", required=False)
@click.option("--env", is_flag=True, help="Take what the environment, .env or config.json name.")
@click.option("--as", "name", type=NEW_NAME, help="What to call it (default: the file's name).")
@click.option("--replace", is_flag=True, help="Put it in the place of the session of that name.")
@click.option("--test", "tests", is_flag=True, help="Then ask Telegram whether it is valid.")
@click.option("--move", is_flag=True, help="It comes from another place for good: prove that nobody uses it there.")
@PASSCODE_FILE
@click.option("--aside", type=click.Path(path_type=Path), help="Of a folder: copy what cannot be kept to here.")
def import_(
    invocation: Invocation,
    file: str | None,
    env: bool,
    name: str | None,
    replace: bool,
    tests: bool,
    move: bool,
    passcode_file: str | None,
    aside: Path | None,
) -> int:
    """Keep a session that another program made: Telethon's, Pyrogram's, GramJS', mtcute's, gotd's, Telegram Desktop's.

    What it is is told by its structure; the source is read, never changed, and nothing is sent to Telegram unless
    --test or --move is given. A folder of many sessions is taken in whole, each named after its file.

    A session string is not taken as an argument, where every process could read it: pipe it in with -, or use --env.
    """
    import asyncio

    from telekeep.cli.import_folder import import_folder, is_of_many
    from telekeep.keeper import moving, transfer
    from telekeep.session import formats

    if not env and file and is_of_many(file):
        if name or replace or tests or move:
            raise Usage("A folder of many sessions is kept under the names of its files.", remedy="Leave --as away.")
        return import_folder(invocation, Path(file).expanduser(), passcode_of(passcode_file), aside)
    source = read_source(file, env=env)
    with invocation.keeper() as keeper:
        form, found = formats.read_all(source.data, network=keeper.network, passcode=passcode_of(passcode_file))
        sessions = [transfer.ours(keeper, each) for each in found]
        names = _names(source, name, sessions)
        for session in sessions:
            told = {"format": form.name, **_described(session)}
            invocation.out.words(*_lines(source.label, form, told, transfer.missing(session)))
        if replace:
            confirm(invocation, f"Put it in the place of {', '.join(names)}?")
        if move:
            confirm(invocation, moving.QUESTION)
        kept = []
        for each, session in zip(names, sessions, strict=True):
            if move:
                entry = asyncio.run(moving.move_in(keeper, session, name=each, replace=replace))
            else:
                entry = transfer.import_session(keeper, session, name=each, replace=replace)
            kept.append(_kept(entry, form, session))
    if not move:
        invocation.out.warn(WARNING)
    lines, code = [f"Kept as {each}." for each in names], 0
    if tests:
        from telekeep.cli.test import asked

        for told in kept:
            told["test"], said, verdict = asked(invocation, told["name"])
            lines, code = lines + said, max(code, verdict)
    else:
        lines.append(f"→ Ask Telegram about it: telekeep test {names[0]}")
    invocation.out.data(kept[0] if len(kept) == 1 else {"sessions": kept}, () if invocation.quiet else lines)
    return code


def _names(source: Source, given: str | None, sessions: list[Session]) -> list[str]:
    """What they are to be called: as given, or after the file; several get numbers."""
    try:
        base = given or check_name(source.stem or "")
    except ConfigError:
        raise Usage("What shall it be called?", remedy="Add --as NAME.") from None
    return [base if not number else f"{base}-{number + 1}" for number in range(len(sessions))]


def _kept(entry: Any, form: Form, session: Session) -> dict[str, Any]:
    from telekeep.keeper import transfer

    told = {"format": form.name, **_described(session), "missing": transfer.missing(session), "warning": WARNING}
    return {"name": entry.name, "generation": entry.generation, **told}


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


def _lines(label: str, form: Form, found: dict[str, Any], lacking: tuple[str, ...]) -> list[str]:
    user = found["user"]
    lines = [
        f"Found in {label}: {form.called} ({form.name})",
        f"  network  {found['network']}, data center {found['dc']} ({found['address']})",
        f"  key      {found['key']}",
        f"  user     {user['id'] if user else 'not said'}"
        + (f" (@{user['username']})" if user and user["username"] else ""),
        f"  peers    {found['peers']}",
    ]
    return lines + [f"  lacks    {words}" for words in lacking]
