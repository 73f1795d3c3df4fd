"""What came of a renewal or a fork; and having the daemon do it, where it owns the session."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from telekeep.keeper.handover import ask
from telekeep.keeper.renewing.conversation import can, hold_it
from telekeep.login.prompt import Prompt

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper

_PATIENCE = 900.0  # seconds for the daemon to ask or to end: an account may have many dialogs


@dataclass(frozen=True, slots=True)
class Renewal:
    """What came of it. ``before`` and ``after``: fingerprints of the keys · ``met``: people and chats that it knows ·
    ``lost``: those it could not find again, in words · ``ended``: whether the old authorization is ended; ``why`` not.
    """

    name: str
    generation: int
    before: str
    after: str
    met: int
    lost: tuple[str, ...]
    ended: bool
    why: str | None = None

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "generation": self.generation,
            "before": self.before,
            "after": self.after,
            "met": self.met,
            "lost": list(self.lost),
            "ended": self.ended,
            "why": self.why,
        }


async def by_daemon(keeper: Keeper, prompt: Prompt, verb: str, name: str, **fields: Any) -> Renewal | None:
    """What the daemon made of it; None if there is none, or it does not own the session.

    Its questions are put to ``prompt``. Raises what it raises.
    """

    async def asked(verb: str, **fields: Any) -> Any:
        return await asyncio.to_thread(partial(ask, keeper, verb, patience=_PATIENCE, name=name, **fields))

    step = await asked(verb, can=can(prompt), **fields)
    if step is None:
        return None
    result = await hold_it(step, lambda given: asked("renewal_answer", answer=given), prompt)
    return Renewal(**{**result, "lost": tuple(result["lost"])})
