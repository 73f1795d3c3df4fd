"""What was adopted, and what the files hold now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from telekeep.errors import SessionNotFound, TelekeepError
from telekeep.gateway.loans import OPEN
from telekeep.keeper.adopt import ledger
from telekeep.keeper.adopt.adoption import ADOPTED, BEGUN, RETURNED, RETURNING, Adoption
from telekeep.keeper.adopt.plan import look
from telekeep.lease.lease import lease_name

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper

GONE: Final = "gone"
CHANGED: Final = "changed"
UNREADABLE: Final = "unreadable"
ENDED: Final = "loan ended"
EXPOSED: Final = "real key"  # it was put back by other means than ours


@dataclass(frozen=True)
class Listed:
    """An adoption, and how its file is found: as the adoption says, or "gone", "changed", "unreadable", "loan ended",
    or "real key" where there should be a loan. ``remedy``: what to do, "" if nothing.
    """

    adoption: Adoption
    state: str
    remedy: str = ""


def listing(keeper: Keeper) -> list[Listed]:
    """Every adopted file, by path. Reads the files; changes nothing."""
    return [_listed(keeper, each) for each in ledger.all_of(keeper.vault)]


def _listed(keeper: Keeper, adoption: Adoption) -> Listed:
    state = _state(keeper, adoption)
    path = adoption.path
    remedies = {
        BEGUN: f"interrupted: finish it with `telekeep adopt {path}`",
        RETURNING: f"interrupted: finish it with `telekeep adopt --undo {path}`",
        RETURNED: f"its key is used outside telekeep: `telekeep adopt {path}` takes it back",
        GONE: f"`telekeep adopt --forget {path}` if it is not to come back",
        CHANGED: f"`telekeep adopt --forget {path}` if this is meant so",
        ENDED: f"`telekeep adopt --undo {path}`, then adopt it again",
        EXPOSED: f"somebody put the real key back: stop who uses it, then `telekeep adopt {path}`",
    }
    return Listed(adoption, state, remedies.get(state, ""))


def _state(keeper: Keeper, adoption: Adoption) -> str:
    if adoption.state in (BEGUN, RETURNING):
        return adoption.state
    try:
        plan = look(keeper, Path(adoption.path))
    except SessionNotFound:
        return GONE
    except TelekeepError:
        return UNREADABLE if adoption.state == RETURNED else CHANGED
    real = {lease_name(each.session.auth_key.id) for each in plan.real}
    lent = {loan.id: loan for _, loan in plan.lent}
    if adoption.state == RETURNED:
        return RETURNED if adoption.leases <= real else CHANGED
    if adoption.leases & real:
        return EXPOSED
    now = keeper.clock.wall()
    if any(each.loan not in lent for each in adoption.held):
        return CHANGED
    return ADOPTED if all(lent[each.loan].state(now) == OPEN for each in adoption.held) else ENDED
