"""``telekeep renew``: a new authorization in the place of the old one, while everybody goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.ask import at_terminal
from telekeep.cli.command import Invocation, command
from telekeep.cli.options import IF_A_CODE_IS_NEEDED, PASSWORD_FILE, together

if TYPE_CHECKING:
    from telekeep.keeper.renewing.renewal import Renewal
    from telekeep.login.prompt import Prompt


answers = together(
    PASSWORD_FILE,
    click.option("--bot-token-file", metavar="FILE", help="Holds the bot's token (else TELEGRAM_BOT_TOKEN)."),
    click.option("--force", is_flag=True, help="Go on even if some people and chats cannot be found again."),
)
"""The options that ``renew``, ``fork`` and ``exposed`` share."""


@command(
    epilog="Examples: telekeep renew main\n          telekeep renew main --password-file pw --yes\n"
    "          telekeep renew robot --bot-token-file token"
)
@click.argument("name", type=NAME)
@answers
@IF_A_CODE_IS_NEEDED
def renew(
    invocation: Invocation,
    name: str,
    password_file: str | None,
    bot_token_file: str | None,
    force: bool,
    phone: str | None,
    code: str | None,
) -> int:
    """Put a new authorization in the place of the one that is kept as NAME, without a login code.

    The old one lets the new one in; the password of two-step verification is asked for, if the account has one.
    Programs that borrow go on with their old loans, and miss nothing. The old authorization ends when the new one
    serves; whatever fails before that leaves it in use. If Telegram does not take it any more, a code is needed.

    Worth it: a key or session string may have been seen by somebody else; the vault moves to another machine; a library
    needs another login. Not worth it: age. A session that is used does not grow old, and only inactivity ends it. A new
    login may not end other logins, or change their lifetime, for 24 hours.
    """
    import asyncio

    from telekeep.keeper import renew as verb

    prompt = prompt_for(invocation, password_file=password_file, bot_token_file=bot_token_file, phone=phone, code=code)
    with invocation.keeper() as keeper, doing(invocation, f"Making another authorization beside that of {name}"):
        found = asyncio.run(verb.renew(keeper, name, prompt, force=force))
    lines = [f"✓ {name} goes on with a new authorization (generation {found.generation}, {known(found)})."]
    if found.ended:
        lines.append("✓ The old one is ended: whoever else had its key has nothing any more.")
    else:
        invocation.out.warn(
            f"The old authorization could not be ended yet: {found.why} Run `telekeep recover` to have it ended."
        )
    lines.append("  For 24 hours the new one may not end other logins.")
    invocation.out.data(found.facts(), () if invocation.quiet else lines)
    return 0 if found.ended else 8


@contextmanager
def doing(invocation: Invocation, what: str) -> Iterator[None]:
    """Say ``what`` is being done: at once where questions may follow, so that nothing is drawn over them."""
    if at_terminal():
        invocation.out.note(f"{what}.")
        yield
        return
    with invocation.out.progress(what):
        yield


def known(found: Renewal) -> str:
    """Whom it knows, in words."""
    lost = f", {len(found.lost)} could not be found again: {'; '.join(found.lost)}" if found.lost else ""
    met = f"{found.met} people and chats" if found.met != 1 else "1 person or chat"
    return f"{met}{lost}"


def prompt_for(
    invocation: Invocation,
    *,
    password_file: str | None,
    bot_token_file: str | None,
    phone: str | None = None,
    code: str | None = None,
) -> Prompt:
    from telekeep.cli.auth import bot_token, first_line
    from telekeep.cli.prompt import prompt_of
    from telekeep.login.prompt import Given

    return Given(
        prompt_of(invocation.out),
        password=first_line(password_file, "The password file") if password_file else None,
        bot_token=bot_token(bot_token_file),
        phone=phone,
        code=code,
        yes=invocation.yes,
    )
