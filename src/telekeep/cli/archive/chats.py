"""How chats are written on the command line. A marked id begins with a minus, and is no option for that."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from telekeep.cli.arguments import as_usage
from telekeep.cli.command import Command, Usage
from telekeep.cli.span import SPAN
from telekeep.errors import ConfigError

_MINUS = "\N{MINUS SIGN}"
_NEGATIVE = re.compile(r"-[0-9]+")


class WithChats(Command):
    """A command whose arguments may be negative numbers, without ``--`` before them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = [_MINUS + each[1:] if _NEGATIVE.fullmatch(each) else each for each in args]
        return super().parse_args(ctx, given)


class _Chat(click.ParamType[str]):
    name = "chat"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from telekeep.work.archive.naming import read

        text = str(value)
        text = "-" + text[1:] if text.startswith(_MINUS) else text
        with as_usage():
            read(text)
        return text


CHAT = _Chat()
"""A chat as it was typed; Usage for what can be none."""


class _Place(click.ParamType[str]):
    name = "place"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from telekeep.work.archive.stores.place import check

        with as_usage():
            check(str(value))
        return str(value)


class _Since(click.ParamType[int]):
    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from datetime import datetime

        text = str(value).strip()
        if re.fullmatch(r"[0-9.]+\s*[a-z]+", text):
            return int(time.time() - SPAN.convert(text, param, ctx))
        try:
            return int(datetime.fromisoformat(text).astimezone().timestamp())
        except ValueError:
            raise Usage(f"{value!r} is no date.", remedy="Write 2026-01-31, or how long ago: 30d, 12h.") from None


DEFAULT = "archive.db"


def chats_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("chats", metavar="CHAT…", type=CHAT, nargs=-1)(function)


def place_option(name: str, help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        name, "place", metavar="PLACE", type=_Place(), default=DEFAULT, show_default=True, help=help
    )  # fmt: skip


def fetching_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """What `historical` and `monitor` share."""
    for option in (
        click.option("--budget", metavar="N", type=click.IntRange(min=1), help="Messages of history a day (UTC)."),
        click.option(
            "--interval", type=click.FloatRange(min=0), default=0.1, show_default=True,
            help="Seconds between two requests for history.",
        ),
        click.option(
            "--media", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Fetch files, into DIR."
        ),
        click.option("--since", metavar="DATE", type=_Since(), help="None from before: 2026-01-31, or 30d ago."),
        click.option("--limit", metavar="N", type=click.IntRange(min=1), help="So many of each chat, this time."),
        place_option("--to", "FILE.db, FILE.jsonl or postgresql://USER@HOST/DATABASE"),
    ):  # fmt: skip
        function = option(function)
    return function


def chosen(store: Any, chats: tuple[str, ...]) -> list[int]:
    """The marked ids of archived chats that were named. Raises ConfigError for one that is not archived."""
    from telekeep.work.archive.naming import read

    found = []
    for typed in chats:
        named = read(typed)
        kept = [
            each.id
            for each in store.standing().chats.values()
            if each.id == named.id
            or (named.username and (each.username or "").lower() == named.username.lower())
            or (named.title or named.username) == each.title
        ]
        if not kept:
            raise ConfigError(
                f"No chat called {typed!r} is archived here.", remedy="`telekeep archive stats` lists those that are."
            )
        found += kept
    return found
