"""Spans of time as a person types them: ``90s``, ``15m``, ``8h``, ``30d``."""

from __future__ import annotations

from typing import Any

import click

from telekeep.cli.command import Usage
from telekeep.words import seconds_of


class _Span(click.ParamType[float]):
    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = seconds_of(str(value))
        if found is None:
            raise Usage(f"{value!r} is no span of time.", remedy="Write a number and a unit: 90s, 15m, 8h or 30d.")
        return found


SPAN = _Span()
"""A span of time, in seconds."""
