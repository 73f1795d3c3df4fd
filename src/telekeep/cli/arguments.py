"""Arguments that commands share, and the rule that a session string is never one of them.

Every process of a machine may read the arguments of every other, and shells write them into their history. So a string
on the command line is refused, and never repeated in the refusal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from telekeep.cli.command import Usage
from telekeep.errors import ConfigError

# Longer than any name (64), shorter than half a key in any alphabet.
_LONG_RUN = re.compile(r"[A-Za-z0-9_+/=-]{65,}")


def looks_secret(text: str) -> bool:
    """Whether ``text`` may be a session string: one long run of the letters that keys are written in."""
    return any("/" not in run or len(run) > 250 for run in _LONG_RUN.findall(text))


def withheld(text: str) -> str:
    """``text`` with whatever may be a session string replaced by ``…``."""
    return _LONG_RUN.sub(lambda run: "…" if looks_secret(run[0]) else run[0], text)


def refuse_string(text: str, *, how: str) -> None:
    """Raise Usage if ``text`` may be a session string; ``how`` says how to hand one over instead."""
    if looks_secret(text) and not is_there(text):
        raise Usage(
            "A session string is not taken as an argument: every process can read it there, and the shell keeps it "
            "in its history.",
            remedy=how,
        )


def is_there(name: str) -> bool:
    """Whether there is a file or folder of that name; what no file can be called is not there."""
    try:
        return Path(name).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # too long, a zero byte, no home folder
        return False


@contextmanager
def as_usage() -> Iterator[None]:
    """What somebody typed is looked at in here: that it can be nothing, a ConfigError, is a matter of usage (code 2).

    Exit code 6 is for settings, wherever they come from, --home, --network and a phone number among them, and for what
    is well put but goes with nothing that is there.
    """
    try:
        yield
    except ConfigError as error:
        raise Usage(error.message, remedy=error.remedy) from None


class _Name(click.ParamType[str]):
    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        refuse_string(value, how="Name the session instead: `telekeep list` shows the names.")
        return str(value)


class _NewName(_Name):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from telekeep.vault.record import check_name

        name = super().convert(value, param, ctx)
        with as_usage():
            check_name(name)
        return name


class _Grant(click.ParamType[str]):
    name = "grant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value != FULL:  # which needs no looking up, and is what most say
            from telekeep.gateway.grants import Grant

            with as_usage():
                Grant.parse(value)
        return str(value)


class _Phone(click.ParamType[str]):
    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from telekeep.settings import parse_phone

        try:
            return parse_phone(value)
        except ConfigError as error:
            raise ConfigError(f"--phone is malformed. {error.message}", remedy=error.remedy) from None


PHONE = _Phone()
"""A phone number; ConfigError for what is none, before anything is done."""

NAME = _Name()
"""The name of a kept session."""

NEW_NAME = _NewName()
"""A name for a session that is to be kept."""

FULL = "full"
GRANT = _Grant()
"""What a loan may do: a profile, or TL methods."""
