"""``telekeep fork``: a second, independent authorization, for another place."""

from __future__ import annotations

import click

from telekeep.cli.arguments import NAME, NEW_NAME
from telekeep.cli.command import Invocation, command
from telekeep.cli.renew import answers, doing, known, prompt_for


@command(
    epilog="Examples: telekeep fork main --as main@laptop\n"
    "          telekeep export main@laptop --to telethon-string --out string.txt"
)
@click.argument("name", type=NAME)
@click.option("--as", "other", type=NEW_NAME, required=True, help="What to call the new one.")
@answers
def fork(
    invocation: Invocation,
    name: str,
    other: str,
    password_file: str | None,
    bot_token_file: str | None,
    force: bool,
) -> None:
    """Make a second, independent authorization of the account of NAME, and keep it under a name of its own.

    NAME lets it in, without a login code; the password of two-step verification is asked for, if the account has one.
    It has a key of its own and meets people and chats anew, so two places can work at once: copies of one key cannot.
    Telegram lists it under Devices. For 24 hours it may not end other logins.
    """
    import asyncio

    from telekeep.keeper import fork as verb

    asked = prompt_for(invocation, password_file=password_file, bot_token_file=bot_token_file)
    with invocation.keeper() as keeper, doing(invocation, f"Making another authorization beside that of {name}"):
        found = asyncio.run(verb.fork(keeper, name, other, asked, force=force))
    facts = {each: value for each, value in found.facts().items() if each not in ("before", "ended", "why")}
    lines = [f"✓ Kept as {other}: an authorization of its own, let in by {name} ({known(found)})."]
    invocation.out.data(facts, () if invocation.quiet else lines)
