"""Flood waits that are waited out, where a person watches: a line on standard error that counts down."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from telekeep.cli.output import PATIENCE, coloured
from telekeep.events import Event, WaitingOut, WaitOver

if TYPE_CHECKING:
    from telekeep.cli.output import Output


class Waits:
    """A listener (`telekeep.events`) that tells of waits on standard error: live on a terminal, else a plain line for
    each that lasts longer than two seconds. Nothing with ``--json`` or ``--quiet``.
    """

    def __init__(self, out: Output) -> None:
        self._out = out
        self._shown: dict[tuple[str, str], list[Callable[[], None]]] = {}

    def __call__(self, event: Event) -> None:
        if self._out.json or self._out.quiet:
            return
        if isinstance(event, WaitingOut):
            self._begin(event)
        elif isinstance(event, WaitOver):
            for end in self._shown.pop((event.name, event.method), []):
                end()

    def _begin(self, event: WaitingOut) -> None:
        if not coloured(sys.stderr):
            if event.seconds > PATIENCE:
                self._out.note(f"… {worded(event.seconds, event.method)}")
            return
        from telekeep.cli.live import LIVE

        over = time.monotonic() + event.seconds
        end = LIVE.show(lambda: worded(over - time.monotonic(), event.method))
        self._shown.setdefault((event.name, event.method), []).append(end)


def worded(seconds: float, method: str) -> str:
    """``waiting 42 s for Telegram (users.getUsers)``."""
    about = f" ({method})" if method else ""
    return f"waiting {max(0.0, seconds):.0f} s for Telegram{about}"
