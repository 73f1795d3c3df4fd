"""Renewing and forking by whoever holds the session: the daemon, if it owns it, else this process."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from telekeep.keeper import fork as forks
from telekeep.keeper import renew as renewals
from telekeep.keeper.handover import ask
from telekeep.keeper.renew import Renewal
from telekeep.keeper.renewing.conversation import can, hold_it
from telekeep.login.prompt import Prompt

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper

_PATIENCE = 900.0  # seconds for the daemon to ask or to end: an account may have many dialogs


async def renew(keeper: Keeper, name: str, prompt: Prompt, *, force: bool = False) -> Renewal:
    """As `telekeep.keeper.renew.renew`, by whoever holds ``name``."""
    found = await _by_daemon(keeper, prompt, "renew", name, force=force)
    return found or await renewals.renew(keeper, name, prompt, force=force)


async def fork(keeper: Keeper, name: str, other: str, prompt: Prompt, *, force: bool = False) -> Renewal:
    """As `telekeep.keeper.fork.fork`, by whoever holds ``name``."""
    found = await _by_daemon(keeper, prompt, "fork", name, other=other, force=force)
    return found or await forks.fork(keeper, name, other, prompt, force=force)


async def _by_daemon(keeper: Keeper, prompt: Prompt, verb: str, name: str, **fields: Any) -> Renewal | None:
    """What the daemon made of it; None if there is none, or it does not own the session."""

    async def asked(verb: str, **fields: Any) -> Any:
        return await asyncio.to_thread(partial(ask, keeper, verb, patience=_PATIENCE, name=name, **fields))

    step = await asked(verb, can=can(prompt), **fields)
    if step is None:
        return None
    result = await hold_it(step, lambda given: asked("renewal_answer", answer=given), prompt)
    return Renewal(**{**result, "lost": tuple(result["lost"])})
