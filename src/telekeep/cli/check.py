"""``telekeep check``: does this look like a session, rule by rule, without showing a letter of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.command import Invocation, command
from telekeep.cli.output import style
from telekeep.cli.safekeeping import dangers
from telekeep.cli.source import read_source
from telekeep.errors import TelegramSessionError, TelekeepError

if TYPE_CHECKING:
    from telekeep.session.formats import Rule
    from telekeep.session.model import Session

COPY_AGAIN = "Make a new one with `telekeep generate`, or copy it again, whole and on one line."
ANOTHER_FILE = "Name a file that Telethon keeps (it ends in .session), or copy it again while no program uses it."


@command(
    epilog="Examples: telekeep check bot.session\n"
    "          telekeep check - < string.txt\n"
    "          telekeep check --env"
)
@click.argument("file", metavar="[FILE|-]", required=False)
@click.option("--env", is_flag=True, help="Check what the environment, .env or config.json name.")
def check(invocation: Invocation, file: str | None, env: bool) -> int:
    """Check the format of a session file or string. Exit code 0 if it is sound, 7 if not.

    The session is neither shown, nor changed, nor sent anywhere: whether Telegram still accepts it, only `telekeep
    test` can tell, once it is kept. A file that others can read, or that git would take in, is warned about.
    """
    from telekeep.session import formats
    from telekeep.session.network import load

    source = read_source(file, env=env)
    network = load(invocation.network) if invocation.network else None
    form, rules = formats.check(source.data, network=network)
    broken = [rule for rule in rules if not rule.ok]
    key = None if broken else form.read(source.data, network=network).auth_key.fingerprint
    loan = None if broken else _loan(invocation, form.parse(source.data, network=network))
    usual = COPY_AGAIN if form.is_text else ANOTHER_FILE
    remedy = next((rule.remedy for rule in broken if rule.remedy), usual) if broken else None
    found: dict[str, Any] = {
        "ok": not broken,
        "format": form.name,
        "rules": [
            {"text": rule.text, "ok": rule.ok if rule.seen else None, "detail": rule.detail if rule.seen else ""}
            for rule in rules
        ],
        "key": key,
        "loan": loan,
        "remedy": remedy,
        "warnings": dangers(source.file) if source.file else (),
    }
    lines = [f"{source.label} as {form.name}:"]
    lines += [_line(rule) for rule in rules]
    lines.append(f"→ {remedy}" if broken else f"The format is sound. Its key is {key}.")
    if form.is_text and form.name != "telethon-string" and not broken:
        lines.append(f"It is {form.called}. For Telethon: telekeep convert FILE - --to telethon-string")
    if loan:
        lines.append(f"It is a loan of {loan!r}, no session of its own: it opens nothing but the gateway.")
    invocation.out.data(found, () if invocation.quiet else lines)
    if not invocation.quiet and not invocation.json:
        invocation.out.warn(*found["warnings"])
    return TelegramSessionError.exit_code if broken else 0


def _loan(invocation: Invocation, session: Session) -> str | None:
    """The name of the kept session that this is a loan of; None also where the vault cannot be asked now."""
    from telekeep.keeper.keeper import Keeper
    from telekeep.keeper.loaned import loan_of

    try:
        with Keeper.open(home=invocation.home, network=invocation.network) as keeper:
            loan = loan_of(keeper, session)
    except TelekeepError:
        return None
    return loan.session if loan else None


def _line(rule: Rule) -> str:
    """A rule with its mark: ``✓`` kept, ``✗`` broken, ``-`` not looked at, as one before it is broken."""
    if not rule.seen:
        return f"- {rule.text}"
    mark = style("✓", "good") if rule.ok else style("✗", "bad")
    return f"{mark} {rule.text}" + (f": {rule.detail}" if rule.detail else "")
