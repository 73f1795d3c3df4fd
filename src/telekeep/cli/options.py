"""Options that several commands have, worded once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from telekeep.cli.arguments import FULL, GRANT, PHONE

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def together(*options: Decorator) -> Decorator:
    """One decorator for several ``options``, which help shows in this order."""

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorated


ALL_IN_ALL = 60.0  # as telekeep.keeper.deadline says, which takes too long to load for a command that asks nobody
TIMEOUT = click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=ALL_IN_ALL, help="Seconds, all in all (60)."
)
CODE = click.option("--code", metavar="CODE", help="The login code, if it is known before it is sent.")
PASSWORD_FILE = click.option(
    "--password-file", metavar="FILE", help="Holds the two-step verification password, on its first line."
)
IF_A_CODE_IS_NEEDED = together(
    click.option("--phone", type=PHONE, metavar="NUMBER", help="If a code is needed: the phone number."), CODE
)
LOAN = together(
    click.option("--as", "label", metavar="LABEL", default="", help="What others see the loan under."),
    click.option(
        "--grant",
        metavar="PROFILE",
        type=GRANT,
        default=FULL,
        show_default=True,
        help="full, read-only, archive, or TL methods (messages.getHistory,users.*).",
    ),
)
