"""Waiting out a flood wait in the open: whoever listens hears when it begins and when it is over."""

from __future__ import annotations

from telekeep.clock import Clock
from telekeep.events import Events, WaitingOut, WaitOver


async def wait_out(events: Events, clock: Clock, name: str, method: str, seconds: float, until: float) -> None:
    """Wait ``seconds`` before the next call of ``method`` by the session ``name``; ``until`` in wall-clock seconds."""
    events.report(WaitingOut(name, clock.wall(), method, seconds, until))
    try:
        await clock.sleep(seconds)
    finally:
        events.report(WaitOver(name, clock.wall(), method))
