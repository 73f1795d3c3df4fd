"""Is a session alive? Asked with one harmless request, over a connection that is closed again.

Never ``start()``, which prompts; never ``is_user_authorized()``, which takes every error for "no".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from telekeep.errors import (
    ConfigError,
    SessionConflict,
    SessionNotFound,
    TelegramAuthError,
    TelegramRateLimitError,
    TelegramSessionError,
    TelekeepError,
)
from telekeep.health.doctor import in_thread
from telekeep.keeper.deadline import SECONDS, SHARE, STEP_SECONDS, within
from telekeep.keeper.deadline import patience as fitting
from telekeep.keeper.floods import waited_out

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.session.model import User

State = Literal["ok", "needs_login", "conflict", "rate_limited", "network", "config", "corrupt"]

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


async def probe(
    keeper: Keeper, name: str, *, timeout: float = SECONDS, probing: bool = False, patience: float = 0.0
) -> Probe:
    """Connect as ``name`` and ask Telegram who we are; at most ``timeout`` seconds in all, 30 for each step.

    ``probing``: ask also if the key is set aside as dead, once, and alone; if Telegram takes it, it is not any more.
    ``patience``: seconds of a flood wait that are waited out in the open, if the ``timeout`` leaves room for them.

    Notes the use if Telegram accepts it. Raises nothing that telekeep has a name for: that is the answer.
    """
    longest = fitting(patience, timeout)
    try:
        async with within(timeout):
            ask = partial(_asked, keeper, name, seconds=timeout, probing=probing)
            return await waited_out(keeper, name, ask, longest=longest)
    except TelekeepError as error:
        return _failed(name, error)


async def recheck(keeper: Keeper, name: str) -> None:
    """Ask Telegram once more about a session whose key is set aside: through the daemon where it owns the session, else
    alone. If Telegram takes the key it is not set aside any more. Raises what Telegram says instead, and SessionBusy.
    """
    await _asked(keeper, name, seconds=STEP_SECONDS, probing=True)


async def _asked(keeper: Keeper, name: str, *, seconds: float, probing: bool) -> Probe:
    """The answer of the daemon, or of Telegram. ``seconds``: for all of it."""
    from telekeep.keeper.handover import ask

    share = min(STEP_SECONDS, seconds) * SHARE
    verb = "recheck" if probing else "probe"
    owned = await in_thread(partial(ask, keeper, verb, patience=share, name=name))
    if owned is not None:  # the daemon has it, and has asked
        return Probe(name, "ok", user_id=owned["id"], username=owned["username"])
    me = await _asked_alone(keeper, name, probing=probing)
    return Probe(name, "ok", user_id=me.id, username=me.username)


async def ask_once_more(keeper: Keeper, name: str) -> User:
    """Ask Telegram about a session whose key is set aside: once, alone, under its lease. Whose it is.

    If Telegram takes the key it is not set aside any more. Raises what `HeldClient.connect` does; what Telegram says
    against the key is noted then.
    """
    return await _asked_alone(keeper, name, probing=True)


async def _asked_alone(keeper: Keeper, name: str, *, probing: bool) -> User:
    from telekeep.keeper.client import hold

    client = hold(
        keeper, name, timeout=_BUSY_SECONDS, purpose="test", receive_updates=False,
        connect_seconds=STEP_SECONDS, connection_retries=2, request_retries=0, probing=probing,
    )  # fmt: skip
    async with client:
        user: User = client.session.user
        return user


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
