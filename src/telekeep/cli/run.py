"""``telekeep run``: somebody else's program on a loan of a kept session."""

from __future__ import annotations

import os

import click

from telekeep.borrow.run.program import find
from telekeep.cli.arguments import NAME
from telekeep.cli.command import Command, Invocation, Usage, command
from telekeep.cli.options import LOAN
from telekeep.cli.running import carry_out
from telekeep.cli.span import SPAN


class _Run(Command):
    """Whatever stands behind the program belongs to it, with a `--` in front of it or without."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _divided(args, self._with_value(ctx)))

    def _with_value(self, ctx: click.Context) -> set[str]:
        options = (each for each in self.get_params(ctx) if isinstance(each, click.Option) and not each.is_flag)
        return {name for each in options for name in each.opts}


def _divided(args: list[str], with_value: set[str]) -> list[str]:
    """``args`` with a `--` before the second word that is no option: that is the program."""
    words = 0
    waiting = iter(enumerate(args))
    for at, each in waiting:
        if each == "--":
            break
        if each in with_value:
            next(waiting, None)
        elif not each.startswith("-"):
            words += 1
            if words == 2:
                return [*args[:at], "--", *args[at:]]
    return args


@command(
    cls=_Run,
    epilog="Examples: telekeep run main -- python bot.py\n"
    "          telekeep run main --grant read-only --as exporter -- python -m exporter --since 2020",
)
@click.argument("name", type=NAME)
@LOAN
@click.option("--for", "seconds", type=SPAN, metavar="SPAN", help="How long its loan lasts at most, such as 90m or 8h.")
@click.argument("words", metavar="-- CMD [ARGS]…", nargs=-1, required=True, type=click.UNPROCESSED)
def run(
    invocation: Invocation, name: str, label: str, grant: str, seconds: float | None, words: tuple[str, ...]
) -> int:
    """Run a program that knows nothing of telekeep on a loan, for as long as it runs.

    A program that uses Telethon gets the loan whatever session it names: by file, by a string of its own, or by
    TELEGRAM_SESSION_STRING. A file of its own is set aside meanwhile. It cannot speak as another account, a bot beside
    it stays a bot, and nothing ever asks for a code. The exit code is that of the program, or 128 and the number of the
    signal that ended it.
    """
    path = find(words[0], os.environ)
    if path is None:
        raise Usage(f"There is no program {words[0]!r}.", remedy="Name it with its folder, or check PATH.")
    return carry_out(invocation, name, path, words, grant=grant, label=label, seconds=seconds)
