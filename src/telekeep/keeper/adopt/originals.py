"""What an adopted file held before, as it was sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telekeep.errors import TelekeepError
from telekeep.keeper.adopt.adoption import Adoption
from telekeep.keeper.adopt.places import BY_KIND
from telekeep.lease.lease import lease_name
from telekeep.session.model import Session

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper


def real_sessions(keeper: Keeper, adoption: Adoption) -> dict[str, Session]:
    """The real sessions of an adopted file, by lease: as its original has them, else as they are kept.

    Raises what the vault says.
    """
    original = keeper.vault.original(adoption.id)
    found = BY_KIND[adoption.kind].find(original, keeper.network) if original is not None else []
    sessions = {lease_name(each.session.auth_key.id): each.session for each in found}
    for held in adoption.held:
        if held.lease not in sessions:
            kept = keeper.vault.load(held.name)
            sessions[lease_name(kept.auth_key.id)] = kept
    return sessions


def renewed(keeper: Keeper, name: str, lease: str) -> Session | None:
    """The session kept as ``name``, if another key than that of ``lease`` is in force for it now."""
    try:
        if keeper.vault.entry(name).lease == lease:
            return None
        return keeper.vault.load(name)
    except TelekeepError:  # it was removed, or is damaged: the original has the key
        return None
