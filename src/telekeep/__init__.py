"""telekeep keeps Telegram sessions: one sealed vault, one holder per key, and every program borrows.

This is the front door. It is lazy: importing it loads nothing but itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_DOORS = {
    "Keeper": "telekeep.keeper.keeper",
    "errors": "telekeep",
    "Emulator": "telekeep.emulator",
    "job": "telekeep.borrow.job",
    "SessionTask": "telekeep.work.celery.task",
    "SafeSessionContext": "telekeep.guard",
    "SessionSafetyManager": "telekeep.guard",
    "TelegramSessionManager": "telekeep.manager",
}


def client(name: str, *, direct: bool = False, **options: Any) -> Any:
    """A stock `telethon.TelegramClient` of the session kept as ``name``, not connected yet.

    On a loan from the daemon, which is started if none runs (`telekeep.borrow.borrow.client`); with ``direct``, the
    session is held in this process instead (`telekeep.keeper.client.client`). Both tell what ``options`` there are.
    """
    room = "telekeep.keeper.client" if direct else "telekeep.borrow.borrow"
    return import_module(room).client(name, **options)


def __getattr__(name: str) -> Any:
    room = _DOORS.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "errors":
        return import_module("telekeep.errors")
    return getattr(import_module(room), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_DOORS])
