"""Asking the daemon of this home for a session it owns: to have it handed over, or to be told who uses it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from telekeep.errors import GatewayError, SessionBusy, TelekeepError

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper

_PATIENCE = 20.0  # seconds: what runs on the session may have to end first


def ask(keeper: Keeper, verb: str, *, patience: float = _PATIENCE, **fields: Any) -> Any:
    """What the daemon answers to ``verb``; None if there is none, or it does not understand.

    ``patience``: seconds to wait for it. Raises whatever other error it answers with.
    """
    from telekeep.borrow import asking

    try:
        return asking.ask(keeper.home, verb, timeout=patience, **fields)
    except GatewayError:
        return None


def hand_over(keeper: Keeper, lease: str) -> SessionBusy | None:
    """Ask for the session whose lease has this name. None if it is free now, or never was the daemon's.

    The error says who uses it, if anybody does; it is returned, for whoever has the time to wait.
    """
    try:
        ask(keeper, "release", lease=lease)
    except SessionBusy as busy:
        return busy
    except TelekeepError:  # a daemon that cannot tell does not give it either; the lease says so
        pass
    return None


async def hand_over_async(keeper: Keeper, lease: str) -> SessionBusy | None:
    """The same, without blocking the event loop."""
    return await asyncio.get_running_loop().run_in_executor(None, hand_over, keeper, lease)
