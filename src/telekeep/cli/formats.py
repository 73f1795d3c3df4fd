"""The formats as options of commands: which there are, checked without loading them for every help page."""

from __future__ import annotations

from typing import Any

import click

from telekeep.cli.command import Usage

NAMES = (
    "telethon-string",
    "telethon-sqlite",
    "telethon-v2",
    "pyrogram-string",
    "pyrogram-sqlite",
    "pyrogram2-sqlite",
    "gramjs-string",
    "gramjs-store",
    "mtcute-string",
    "mtcute-sqlite",
    "gotd-json",
    "tdata",
    "telekeep-json",
)
WITHOUT_ADDRESS = ("pyrogram-string", "pyrogram2-sqlite", "gotd-json", "tdata")
LENT = tuple(name for name in NAMES if name not in WITHOUT_ADDRESS)
_INSTEAD = {
    "pyrogram-string": "Lend a file (--to pyrogram-sqlite --out NAME.session, for kurigram 2.2.10 or newer), or use "
    "telekeep.client(NAME) or Telethon.",
    "pyrogram2-sqlite": "Take kurigram 2.2.10 or newer, and --to pyrogram-sqlite.",
}
_WHO = {
    "pyrogram-string": "A Pyrogram string has no place for an address",
    "pyrogram2-sqlite": "A session file of Pyrogram 2 has no place for an address",
    "gotd-json": "gotd connects to the addresses it was built with",
    "tdata": "Telegram Desktop connects to the addresses it was built with",
}


class _Lent(click.Choice[str]):
    """The formats that a loan can be: those whose programs connect to where their session says."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in WITHOUT_ADDRESS:
            raise Usage(
                f"{_WHO[value]}: a program would take the loan to Telegram itself.",
                remedy=_INSTEAD.get(value, "Choose a format that carries an address, such as telethon-string."),
            )
        return super().convert(value, param, ctx)


FORM = click.Choice(NAMES)
LENT_FORM = _Lent(LENT)


def described() -> str:
    """The formats, for the end of a help page."""
    return f"Formats: {', '.join(NAMES[:6])},\n         {', '.join(NAMES[6:])}"


def check_variant(form: str, variant: int | None) -> None:
    """Raise Usage if ``form`` has no such layout."""
    from telekeep.session.formats import FORMATS

    if variant is not None and variant not in FORMATS[form].variants:
        known = ", ".join(map(str, FORMATS[form].variants)) or "none"
        raise Usage(f"{form} has no layout {variant} (known: {known}).", remedy="Leave --variant away.")
