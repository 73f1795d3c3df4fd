"""What every command has: the global options, before or after its name, and the `Invocation` they make.

A command is one file with one object::

    @command(epilog="Example: telekeep greet ada")
    @click.argument("name")
    def greet(invocation: Invocation, name: str) -> int | None:
        \"""Say hello.\"""
        invocation.out.words(f"Hello, {name}.")

and one line in the table of `telekeep.cli.main`. It returns its exit code (None is 0) or raises a TelekeepError.
Commands with verbs of their own (``telekeep vault rotate``) use `group` and ``@thegroup.command(...)`` alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import click

from telekeep.cli.invocation import Invocation as Invocation
from telekeep.errors import TelekeepError
from telekeep.words import fitted

_META = "telekeep.cli.globals"
_LINE = 400  # letters of a verb's line in its group's help; they are wrapped


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value:  # flags are False and values None where the option was not given: the one that was given wins
        context.meta.setdefault(_META, {})[parameter.name] = value


def _show_help(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        click.echo(context.get_help())
        context.exit()


def _global_options() -> list[click.Parameter]:
    def flag(*names: str, help: str) -> click.Option:
        return click.Option(names, is_flag=True, help=help, expose_value=False, callback=_remember)

    def value(name: str, metavar: str, help: str) -> click.Option:
        return click.Option((name,), metavar=metavar, help=help, expose_value=False, callback=_remember)

    return [
        flag("--json", help="Print one JSON object."),
        flag("--quiet", "-q", help="Print only what was asked for, and errors."),
        flag("--yes", "-y", help="Answer yes to every question."),
        value("--home", "DIR", "Where vault, run and log lie (TELEKEEP_HOME)."),
        value("--network", "NAME|FILE", "production, test, or a network file (TELEKEEP_NETWORK)."),
    ]


_HELP = click.Option(
    ("--help", "-h"),
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_help,
    help="Show this page.",
)
_GLOBAL_OPTIONS = _global_options()
_CONTEXT = {"max_content_width": 100}


class _Everywhere(click.Command):
    """A command that takes the global options too, and lists them apart from its own."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *_GLOBAL_OPTIONS]

    def get_help_option(self, ctx: click.Context) -> click.Option:
        return _HELP  # click's own asks gettext for its text, which searches the disk for translations at every start

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own: list[tuple[str, str]] = []
        everywhere: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                record = (_plain(record[0]), record[1])
                (everywhere if parameter is _HELP or parameter in _GLOBAL_OPTIONS else own).append(record)
        if own:
            with formatter.section("Options"):
                formatter.write_dl(own)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)
        with formatter.section("Options of every command"):
            formatter.write_dl(everywhere)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.epilog:
            formatter.write_paragraph()
            for line in self.epilog.splitlines():
                formatter.write(f"{line}\n")


def _plain(option: str) -> str:
    """An option with its value as people call it: all that have fractions are seconds."""
    return re.sub(r"\bINTEGER( RANGE)?$", "N", re.sub(r"\bFLOAT( RANGE)?$", "SECONDS", option))


class Command(_Everywhere):
    """One command."""


class Group(_Everywhere, click.Group):
    """A command with verbs of its own. Without a verb it shows its help, which has the first sentence of each in full
    (click's own cuts it off).
    """

    def __init__(self, *args: Any, **attributes: Any) -> None:
        attributes.setdefault("invoke_without_command", True)
        attributes.setdefault("subcommand_metavar", "COMMAND [ARGS]…")
        super().__init__(*args, **attributes)

    def command(self, *args: Any, **attributes: Any) -> Callable[[Callable[..., Any]], Command]:  # type: ignore[override]  # narrower: ours only
        """Like `command`, as a verb of this group."""

        def register(function: Callable[..., Any]) -> Command:
            made = command(*args, **attributes)(function)
            self.add_command(made)
            return made

        return register

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        verbs = [(name, verb) for name in self.list_commands(ctx) if (verb := self.get_command(ctx, name)) is not None]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, verb.get_short_help_str(limit=_LINE)) for name, verb in verbs if not verb.hidden]
            )

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            from difflib import get_close_matches

            near = get_close_matches(name, self.list_commands(ctx), n=1, cutoff=0.5)
            remedy = f"Did you mean `{ctx.command_path} {near[0]}`?" if near else f"See `{ctx.command_path} --help`."
            raise Usage(f"There is no command {name!r}.", remedy=remedy, ctx=ctx)
        return super().resolve_command(ctx, args)


class Usage(click.UsageError):
    """The command line was not understood: exit code 2. ``remedy`` says how it should be written."""

    def __init__(self, message: str, *, remedy: str | None = None, ctx: click.Context | None = None) -> None:
        super().__init__(message, ctx)
        self.remedy = remedy


def command(name: str | None = None, *, epilog: str, **attributes: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a command of a function whose first parameter is the `Invocation`.

    ``epilog`` is one or more example lines; they are part of every help page.
    """

    def decorate(function: Callable[..., Any]) -> Command:
        kind: type[Command] = attributes.pop("cls", Command)
        return click.command(name, cls=kind, epilog=epilog, context_settings=_CONTEXT, **attributes)(
            _with_invocation(function)
        )

    return decorate


def group(name: str | None = None, *, epilog: str, **attributes: Any) -> Callable[[Callable[..., Any]], Group]:
    """Make a command with verbs of its own; the function's docstring is its help."""

    def decorate(function: Callable[..., Any]) -> Group:
        def call(**parameters: Any) -> None:
            function(**parameters)
            context = click.get_current_context()
            if context.invoked_subcommand is None:
                click.echo(context.get_help())

        kind: type[Group] = attributes.pop("cls", Group)
        return click.group(name, cls=kind, epilog=epilog, context_settings=_CONTEXT, **attributes)(
            update_wrapper(call, function)
        )

    return decorate


def invocation_of(context: click.Context) -> Invocation:
    """The invocation that the options parsed so far make."""
    return Invocation.of(context.meta.get(_META, {}))


def _with_invocation(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(**parameters: Any) -> Any:
        context = click.get_current_context()
        try:
            return function(invocation_of(context), **parameters)
        except TelekeepError as error:
            error.remedy = fitted(error.remedy, parameters.get("name"))
            raise

    return update_wrapper(call, function)
