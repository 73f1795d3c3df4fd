"""``telekeep auth``: log in, and keep the session."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.arguments import NEW_NAME, PHONE
from telekeep.cli.command import Invocation, Usage, command
from telekeep.cli.options import CODE, PASSWORD_FILE, together
from telekeep.errors import ConfigError
from telekeep.paths import check_private_file
from telekeep.secret import Secret

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.session.model import User
    from telekeep.vault.record import Entry


answers = together(
    click.option("--phone", type=PHONE, metavar="NUMBER", help="The phone number, with its country code."),
    CODE,
    PASSWORD_FILE,
    click.option("--replace", is_flag=True, help="Replace a kept session of the same account."),
)
"""What answers a login's questions beforehand; ``auth`` and ``generate`` share it."""


@command(
    epilog="Examples: telekeep auth main\n"
    "          telekeep auth main --phone +14155552671 --code 12345 --password-file pw\n"
    "          telekeep auth main --qr\n"
    "          telekeep auth robot --bot-token-file token"
)
@click.argument("name", type=NEW_NAME)
@answers
@click.option("--qr", is_flag=True, help="Show a QR code instead of asking for a code.")
@click.option("--bot", is_flag=True, help="Log in as a bot: TELEGRAM_BOT_TOKEN, or the token is asked for.")
@click.option("--bot-token-file", metavar="FILE", help="Log in as the bot whose token this file holds.")
def auth(
    invocation: Invocation,
    name: str,
    phone: str | None,
    code: str | None,
    password_file: str | None,
    qr: bool,
    bot: bool,
    bot_token_file: str | None,
    replace: bool,
) -> None:
    """Log in to Telegram and keep the session as NAME.

    Asks at the terminal for what is not given; where standard input is no terminal it is never read. A session that
    is kept already stays as it is until the new one has proved itself; Ctrl-C at any question changes nothing.
    """
    from telekeep.keeper.auth import Way

    bot = bot or bot_token_file is not None
    if qr + bot + bool(phone or code) > 1:
        raise Usage("Choose one way to log in: --phone, --qr, or a bot token.")
    way = Way.QR if qr else Way.BOT if bot else Way.PHONE
    token = bot_token(bot_token_file) if bot else None
    with invocation.keeper() as keeper:
        entry, user = log_in(
            invocation,
            keeper,
            name,
            phone=phone,
            code=code,
            password_file=password_file,
            bot_token=token,
            way=way,
            replace=replace,
        )
    told: dict[str, Any] = {
        "name": name,
        "user": {"id": user.id, "username": user.username},
        "dc": entry.dc_id,
        "generation": entry.generation,
    }
    invocation.out.data(told, () if invocation.quiet else [f"✓ Logged in as {called(user)}; kept as {name}."])


def log_in(
    invocation: Invocation,
    keeper: Keeper,
    name: str,
    *,
    phone: str | None,
    code: str | None,
    password_file: str | None,
    replace: bool,
    **options: Any,
) -> tuple[Entry, User]:
    """Log in with what is given and asked for, and keep the session as ``name``. Returns the entry and whose it is.

    ``options`` are those of `telekeep.keeper.auth.auth`.
    """
    import asyncio

    from telekeep.cli.prompt import prompt_of
    from telekeep.cli.terms import Introduced
    from telekeep.keeper import auth as logins
    from telekeep.login.prompt import Given

    password = first_line(password_file, "The password file") if password_file else None
    phone = phone or keeper.settings.phone
    given = Given(prompt_of(invocation.out), code=code, password=password)
    prompt = Introduced(given, invocation.out.note, phone_known=phone is not None)
    entry = asyncio.run(logins.auth(keeper, name, prompt, phone=phone, replace=replace or invocation.yes, **options))
    user = keeper.vault.load(name).user
    assert user is not None  # a login always tells whose it is
    return entry, user


def called(user: User) -> str:
    """A user as one would say it."""
    return f"{'@' + user.username if user.username else 'an account without a user name'} (ID {user.id})"


def bot_token(file: str | None) -> Secret | None:
    """The token from ``file``, else from TELEGRAM_BOT_TOKEN; None if it has to be asked for."""
    if file:
        return first_line(file, "The token file")
    value = os.environ.get("TELEGRAM_BOT_TOKEN")
    return Secret(value.strip().encode()) if value else None


def first_line(file: str, label: str) -> Secret:
    """The first line of a private file. Raises ConfigError if it cannot be read, is open to others, or empty."""
    path = Path(file).expanduser()
    try:
        check_private_file(path)
        line = path.read_bytes().partition(b"\n")[0].removesuffix(b"\r")
        line.decode()
    except OSError as error:
        raise ConfigError(f"{label} {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{label} {path} is no text (UTF-8).") from None
    if not line:
        raise ConfigError(f"{label} {path} has an empty first line.")
    return Secret(line)
