"""Is a session alive? Asked with one harmless request, over a connection that is closed again.

Never ``start()``, which prompts; never ``is_user_authorized()``, which takes every error for "no".
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from telekeep.errors import (
    ConfigError,
    SessionConflict,
    SessionNotFound,
    TelegramAuthError,
    TelegramNetworkError,
    TelegramRateLimitError,
    TelegramSessionError,
    TelekeepError,
)
from telekeep.health.doctor import in_thread

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper

State = Literal["ok", "needs_login", "conflict", "rate_limited", "network", "config", "corrupt"]

STEP_SECONDS = 30.0
_SHARE = 0.6  # of a step, for a daemon to answer: what is left is enough to find out that it holds the session still
_BUSY_SECONDS = 0.0  # a session in use is an answer of its own; nobody is kept waiting for it


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found of the session ``name``. ``error``: the class of the error, ``reason`` and ``remedy`` in words."""

    name: str
    state: State
    error: str | None = None
    reason: str | None = None
    remedy: str | None = None
    user_id: int | None = None
    username: str | None = None


async def probe(keeper: Keeper, name: str, *, timeout: float = 60.0, probing: bool = False) -> Probe:
    """Connect as ``name`` and ask Telegram who we are; at most ``timeout`` seconds in all, 30 for each step.

    ``probing``: ask also if the key is set aside as dead, once, and alone; if Telegram takes it, it is not any more.

    Notes the use if Telegram accepts it. Raises nothing that telekeep has a name for: that is the answer.
    """
    from telekeep.keeper.client import hold
    from telekeep.keeper.handover import ask

    try:
        async with asyncio.timeout(timeout):
            owned = None  # a daemon lets go of a session that is over: a probe is made by whoever asks for it
            if not probing:
                patience = min(STEP_SECONDS, timeout) * _SHARE
                owned = await in_thread(partial(ask, keeper, "probe", patience=patience, name=name))
            if owned is not None:  # the daemon has it, and has asked
                return Probe(name, "ok", user_id=owned["id"], username=owned["username"])
            client = hold(
                keeper, name, timeout=_BUSY_SECONDS, purpose="test", receive_updates=False,
                connect_seconds=STEP_SECONDS, connection_retries=2, request_retries=0, probing=probing,
            )  # fmt: skip
            async with client:
                me = client.session.user
    except TimeoutError as error:
        if isinstance(error, TelekeepError):
            return _failed(name, error)
        return _failed(
            name,
            TelegramNetworkError(
                f"Timeout connecting to Telegram: no answer within {timeout:g} s.",
                remedy="Please try again: check the connection, try another network, or wait some minutes.",
            ),
        )
    except TelekeepError as error:
        return _failed(name, error)
    return Probe(name, "ok", user_id=me.id, username=me.username)


def _failed(name: str, error: TelekeepError) -> Probe:
    return Probe(name, state_of(error), type(error).__name__, error.message, error.remedy)


def state_of(error: TelekeepError) -> State:
    """The state that ``error`` puts a session in. What nobody has a name for says nothing about the session."""
    if isinstance(error, (TelegramAuthError, SessionNotFound)):
        return "needs_login"
    if isinstance(error, SessionConflict):
        return "conflict"
    if isinstance(error, TelegramRateLimitError):
        return "rate_limited"
    if isinstance(error, ConfigError):
        return "config"
    if isinstance(error, TelegramSessionError):
        return "corrupt"
    return "network"
