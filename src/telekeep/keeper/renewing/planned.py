"""The plans of renewals and forks, in the vault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telekeep.keeper.renewing.plan import Plan
from telekeep.vault.record import DAMAGED, KEPT

if TYPE_CHECKING:
    from telekeep.vault.vault import Vault


def put(vault: Vault, plan: Plan) -> None:
    """On disk when this returns."""
    vault.keep_renewal(plan.name, plan.to_payload())


def drop(vault: Vault, plan: Plan) -> None:
    """It is over."""
    vault.keep_renewal(plan.name, None)


def all_of(vault: Vault, name: str | None = None) -> list[Plan]:
    """Those under way, or left by a crash; of one name or all. Raises UnknownFormat for one of a newer telekeep."""
    return [Plan.from_payload(each.name, each.payload) for each in vault.renewals() if name in (None, each.name)]


def in_force(vault: Vault, name: str) -> str | None:
    """The lease of what is kept as ``name``; None if nothing is."""
    found = next((each for each in vault.entries() if each.name == name), None)
    return found.lease if found is not None and found.state in (KEPT, DAMAGED) else None


def kept_leases(vault: Vault) -> frozenset[str]:
    """The leases of all keys that are kept, under whatever name: none of these may be ended."""
    return frozenset(each.lease for each in vault.entries() if each.state in (KEPT, DAMAGED))
