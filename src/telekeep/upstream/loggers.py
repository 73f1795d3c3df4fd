"""The loggers of one client, as Telethon looks them up, and the line that is in force for its connections."""

from __future__ import annotations

import logging
from collections.abc import Callable

from telekeep.upstream.line import Line


class Loggers(dict[str, logging.Logger]):
    """In place of those that Telethon makes a class for with every client.

    ``base``: what was given to Telethon as ``base_logger``, if anything. ``line`` returns the line in force.
    """

    __slots__ = ("_base", "line")

    def __init__(self, base: str | logging.Logger | None, line: Callable[[], Line]) -> None:
        super().__init__()
        self._base = base if isinstance(base, logging.Logger) else logging.getLogger(base or "telethon")
        self.line = line

    def __missing__(self, name: str) -> logging.Logger:
        return self._base.getChild(name.removeprefix("telethon."))
