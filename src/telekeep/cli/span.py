"""Spans of time as a person types them: ``90s``, ``15m``, ``8h``, ``30d``."""

from __future__ import annotations

import re
from typing import Any

import click

from telekeep.cli.command import Usage

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)")


class _Span(click.ParamType[float]):
    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = _SPAN.fullmatch(str(value).strip().lower())
        if not found or not float(found[1]):
            raise Usage(f"{value!r} is no span of time.", remedy="Write a number and a unit: 90s, 15m, 8h or 30d.")
        return float(found[1]) * _UNITS[found[2]]


SPAN = _Span()
"""A span of time, in seconds."""
