"""The group that the verbs belong to."""

from __future__ import annotations

from typing import Any

import click

from telekeep.cli.command import Group, group

_VERBS = {
    "historical": ("fetching", "Fetch what was written, from where it stopped"),
    "monitor": ("fetching", "Go on with what comes, and catch up on what was missed"),
    "test": ("fetching", "Look whether the chats may be read"),
    "search": ("looking", "Find messages by their words"),
    "stats": ("looking", "Count messages, with a chart of the days"),
    "export": ("looking", "Write messages as markdown, csv or json"),
}


class _Lazy(Group):
    """Imports a verb when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _VERBS:
            return None
        from importlib import import_module

        found: click.Command = getattr(import_module(f"telekeep.cli.archive.{_VERBS[name][0]}"), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in _VERBS.items()])


@group(
    cls=_Lazy,
    epilog="Examples: telekeep archive historical main @news -1001234567890 --to news.db\n"
    "          telekeep archive monitor main @news --to news.db\n"
    '          telekeep archive search "red balloon" --in news.db',
)
def archive(**_: Any) -> None:
    """Keep the messages of chats: what was written and what comes, edits and deletions included, each message once.

    It works on a loan, beside whatever else uses the session. It may be killed at any moment: it goes on where it was.
    """
