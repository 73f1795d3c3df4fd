"""What a renewal or fork has left that did not come to its end: finished, or undone.

Afterwards exactly one of its authorizations is in use, and none is left that nobody uses. Nothing is ended before the
one that stays has answered; if it does not, and the other does, the other is put in force.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from telekeep.errors import SessionBusy, TelegramAuthError
from telekeep.keeper.handover import ask
from telekeep.keeper.renewing import ending, planned
from telekeep.keeper.renewing.plan import Kind, Plan, Step

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.lease.lease import Lease
    from telekeep.session.model import Session


async def finish(keeper: Keeper, name: str | None = None) -> list[str]:
    """Finish or undo what was left of ``name``, or of all. Returns what was done, in words; nothing if nothing was.

    Raises SessionBusy while a renewal is under way, TelegramNetworkError if Telegram cannot be asked (the plan stays,
    for another time), and what the vault says.
    """
    return [await _finish(keeper, plan) for plan in planned.all_of(keeper.vault, name)]


async def _finish(keeper: Keeper, plan: Plan) -> str:
    vault = keeper.vault
    step = plan.left(planned.in_force(vault, plan.name))
    if step is Step.NOTHING:
        planned.drop(vault, plan)
        return f"The {plan.kind} of {plan.name} had come to its end."
    useless = {Step.END_NEW: [plan.new], Step.END_OLD: [plan.old], Step.END_BOTH: [plan.new, plan.old]}[step]
    with ExitStack() as held:
        leases = {each.auth_key: _take(keeper, plan, each, held) for each in useless}
        now = planned.in_force(vault, plan.name)
        if plan.left(now) is not step:  # somebody was quicker
            return await _finish(keeper, plan)
        if plan.kind is Kind.RENEWAL and step is not Step.END_BOTH:
            kept, spare = (plan.old, plan.new) if step is Step.END_NEW else (plan.new, plan.old)
            if now is not None and not await _works(keeper, plan.name, kept):
                lease = leases[spare.auth_key]
                if await ending.user_of(keeper, spare, lease) is not None:
                    return _put_in_force(keeper, plan, spare, lease)
        for each in useless:
            if not _is_kept(keeper, each):
                await ending.end(keeper, each, leases[each.auth_key])
        planned.drop(vault, plan)
    if step is Step.END_NEW:
        return f"The {plan.kind} of {plan.name} was undone: the authorization that was being made is ended."
    return f"The {plan.kind} of {plan.name} was finished: the authorization from before is ended."


def _take(keeper: Keeper, plan: Plan, session: Session, held: ExitStack) -> Lease:
    try:
        lease = keeper.leases.try_acquire(session.auth_key.id, purpose=f"finishing the {plan.kind} of {plan.name}")
    except SessionBusy as busy:
        raise SessionBusy(
            f"A {plan.kind} of {plan.name} is under way.", holder=busy.holder, since=busy.since, remedy="Wait for it."
        ) from None
    held.callback(lease.release)
    return lease


async def _works(keeper: Keeper, name: str, session: Session) -> bool:
    """Whether Telegram takes the key that is in force. Whoever holds it is asked, or is believed."""
    try:
        if await asyncio.to_thread(partial(ask, keeper, "probe", name=name)) is not None:
            return True
    except TelegramAuthError:
        return False
    try:
        lease = keeper.leases.try_acquire(session.auth_key.id, purpose="renewal")
    except SessionBusy:
        return True
    try:
        return await ending.user_of(keeper, session, lease) is not None
    finally:
        lease.release()


def _put_in_force(keeper: Keeper, plan: Plan, session: Session, lease: Lease) -> str:
    """The key that is in force is dead, and the other one lives."""
    vault = keeper.vault
    expected = next(each.generation for each in vault.entries() if each.name == plan.name)
    vault.keep(plan.name, session, fence=lease.fence, expected=expected)
    planned.drop(vault, plan)
    which = "from before" if session.auth_key == plan.old.auth_key else "that was being made"
    return f"Telegram does not take the authorization of {plan.name} any more; the one {which} is in force."


def _is_kept(keeper: Keeper, session: Session) -> bool:
    """Whether it is in force, under whatever name: then it is not ended."""
    from telekeep.lease.lease import lease_name

    return lease_name(session.auth_key.id) in planned.kept_leases(keeper.vault)
