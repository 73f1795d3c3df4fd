"""The whole answer to a leaked key: strangers out first, then a new authorization, and the leaked one ends itself.

A login that is younger than 24 hours may end no others (FRESH_RESET_AUTHORISATION_FORBIDDEN), and the one that a
renewal makes is new. So the old one ends the strangers, if it may, before it goes; otherwise they are told, with the
moment from which the new one may.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from telekeep.errors import NoSuchDevice, TelegramAuthError, TelekeepError
from telekeep.health.logins import ALARMED
from telekeep.keeper import devices
from telekeep.keeper.renew import renew
from telekeep.keeper.renewing.renewal import Renewal
from telekeep.upstream.devices import FRESH, Device

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.login.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Exposed:
    """What was done. ``ended``: strangers whose logins were ended · ``left``: those that could not be, and
    ``allowed_at``: from when on the new authorization may (wall-clock seconds) · ``others``: logins that were there
    before the watch began, or that a person has seen: yours, as far as telekeep knows · ``was_over``: Telegram had
    ended the old one already.
    """

    renewal: Renewal
    ended: tuple[Device, ...]
    left: tuple[Device, ...]
    others: tuple[Device, ...]
    allowed_at: float | None
    was_over: bool


async def answer(keeper: Keeper, name: str, prompt: Prompt, *, force: bool = False) -> Exposed:
    """End the strangers among the logins of the account of ``name``, as far as Telegram lets us, and renew it.

    Strangers are those that the watch has given an alarm about, and nobody has acknowledged. Raises as
    `telekeep.keeper.renew.renew`: then the old authorization is still in force, and whoever has its key too.
    """
    strangers, others, was_over = await _strangers(keeper, name)
    ended, left = await _end(keeper, name, strangers)
    renewal = await renew(keeper, name, prompt, force=force)
    allowed_at = keeper.clock.wall() + FRESH + devices.SLACK if left else None
    return Exposed(renewal, ended, left, others, allowed_at, was_over)


async def _strangers(keeper: Keeper, name: str) -> tuple[list[Device], tuple[Device, ...], bool]:
    """The strangers, the others, and whether Telegram has ended the login already: then nobody can be asked."""
    try:
        shown = await devices.listing(keeper, name)
    except TelegramAuthError:
        return [], (), True
    strangers, others = [], []
    for each in shown.found.others:
        known = shown.known.get(each.hash)
        if known is not None and known.why == ALARMED:
            strangers.append(each)
        elif shown.ours(each) is None:
            others.append(each)
    return strangers, tuple(others), False


async def _end(keeper: Keeper, name: str, strangers: Sequence[Device]) -> tuple[tuple[Device, ...], tuple[Device, ...]]:
    """Those that were ended, and those that were not. That one stays is no reason to keep a leaked key."""
    ended: list[Device] = []
    left: list[Device] = []
    for each in strangers:
        try:
            await devices.end(keeper, name, each.hash)
        except NoSuchDevice:
            continue
        except TelekeepError:  # LoginTooYoung, for one
            left.append(each)
        else:
            ended.append(each)
    return tuple(ended), tuple(left)
