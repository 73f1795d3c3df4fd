"""``telekeep generate``: log in and make a session string for a program that reads one from its environment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from telekeep.cli.arguments import NEW_NAME
from telekeep.cli.auth import answers, called, log_in
from telekeep.cli.command import Invocation, Usage, command
from telekeep.cli.safekeeping import dangers
from telekeep.errors import ConfigError, LoginCancelled
from telekeep.secret import Secret

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.login.prompt import Prompt
    from telekeep.session.model import Application
    from telekeep.settings import Settings

_Typed = TypeVar("_Typed")
_Value = TypeVar("_Value")

STEPS = (
    "Your application's API id and hash are at https://my.telegram.org/apps: log in, open “API development tools”, "
    "create an app, and note its id and its 32-character hash."
)
TRIES = 3  # at an API id or hash that cannot be one


@command(
    epilog="Examples: telekeep generate\n          telekeep generate main --show\n          telekeep generate --env"
)
@click.argument("name", type=NEW_NAME, default="main")
@answers
@click.option("--show", is_flag=True, help="Print the string, alone, on standard output.")
@click.option("--env", "env", is_flag=True, help="Put it into the .env file.")
@click.option("--env-file", metavar="FILE", default=".env", show_default=True, help="Which file --env means.")
def generate(
    invocation: Invocation,
    name: str,
    phone: str | None,
    code: str | None,
    password_file: str | None,
    replace: bool,
    show: bool,
    env: bool,
    env_file: str,
) -> None:
    """Log in, keep the session as NAME, and hand its string out: to the .env file, to the terminal, or not at all.

    Asks for API id, API hash, phone number, code and password, in this order, as far as they are not given; then
    whether to show the string and whether to update .env. Both default to no. An older string stays valid until its
    authorization is ended under Settings > Devices.
    """
    import asyncio

    from telekeep.cli.prompt import prompt_of
    from telekeep.keeper import transfer

    if show and invocation.json:
        raise Usage("A secret is never printed as JSON.", remedy="Leave --json away, or use --env.")
    path = Path(env_file)
    prompt = prompt_of(invocation.out)
    with invocation.keeper() as keeper:
        replace = asyncio.run(_name_is_ours(keeper, name, prompt, replace=replace or invocation.yes))
        application = asyncio.run(_application(invocation, prompt, keeper.settings))
        _, user = log_in(
            invocation,
            keeper,
            name,
            phone=phone,
            code=code,
            password_file=password_file,
            replace=replace,
            application=application,
        )
        invocation.out.note(f"✓ Logged in as {called(user)}; kept as {name}.")
        if not invocation.json and not show and not env:
            with suppress(LoginCancelled, KeyboardInterrupt):  # Ctrl-C is a no to what was not answered yet
                show = asyncio.run(_confirm(prompt, "Show the string? Whoever sees it has the account."))
                env = asyncio.run(_confirm(prompt, f"Put it into {path}?"))
        string = Secret(transfer.export_session(keeper, name, "telethon-string"))
    if show:
        invocation.out.secret(string.reveal().decode())
    written = _update(path, string) if env else ()
    if show or env:
        invocation.out.warn(
            "The string is the very key that telekeep keeps: never let a program use it while telekeep speaks with it, "
            "nor two programs at once. Telegram would end the session."
        )
    else:
        invocation.out.note(f"To get the string later: telekeep export {name} --to telethon-string")
    for variable in written:
        invocation.out.note(f"✓ {variable} is set in {path} (mode 0600).")
    if env:
        invocation.out.warn(*dangers(path))
    if invocation.json:
        invocation.out.data({"name": name, "user": {"id": user.id, "username": user.username}, "written": written})


async def _application(invocation: Invocation, prompt: Prompt, settings: Settings) -> Application:
    """The api id and hash of the settings; what is missing is asked for."""
    from telekeep.session.model import Application
    from telekeep.settings import parse_api_hash, parse_api_id

    api_id, api_hash = settings.api_id, settings.api_hash
    if api_id is None or api_hash is None:
        invocation.out.note(STEPS)
    if api_id is None:
        api_id = await _sound(invocation, prompt.api_id, parse_api_id)
    if api_hash is None:
        api_hash = await _sound(invocation, prompt.api_hash, lambda typed: parse_api_hash(typed.reveal().decode()))
    return Application(api_id, api_hash)


async def _sound(
    invocation: Invocation, ask: Callable[[], Awaitable[_Typed]], parse: Callable[[_Typed], _Value]
) -> _Value:
    """What is typed, once it can be right. Raises the ConfigError of the last of `TRIES`."""
    for _ in range(TRIES - 1):
        typed = await ask()
        try:
            return parse(typed)
        except ConfigError as error:
            invocation.out.warn(error.message)
    return parse(await ask())


async def _name_is_ours(keeper: Keeper, name: str, prompt: Prompt, *, replace: bool) -> bool:
    """Whether the login replaces a session kept as ``name``: settled before anything is typed for nothing.

    Raises ConfigError if one is kept and may not be replaced.
    """
    from telekeep.keeper.auth import kept_before, may_replace
    from telekeep.vault.record import check_name
    from telekeep.vault.vault import Vault

    check_name(name)
    if replace or not Vault.exists(keeper.home.vault) or kept_before(keeper.vault, name) is None:
        return replace
    await may_replace(name, prompt)
    return True


async def _confirm(prompt: Prompt, question: str) -> bool:
    return await prompt.confirm(question)


def _update(path: Path, string: Secret) -> tuple[str, ...]:
    """Set the variable in the .env at ``path``: under the names it has there already, else the usual one."""
    from telekeep.settings import SESSION_NAMES, parse_dotenv, update_dotenv

    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    there = tuple(name for name in SESSION_NAMES if name in parse_dotenv(text)) or SESSION_NAMES[:1]
    for variable in there:
        update_dotenv(path, variable, string)
    return there
