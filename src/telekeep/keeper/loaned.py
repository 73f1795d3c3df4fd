"""Loans of this home: what was lent must not be taken for a session, or a vault would keep a key that opens nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telekeep.errors import ConfigError
from telekeep.gateway.loans import OPEN, REVOKED, Loan
from telekeep.gateway.shelf import Shelf
from telekeep.vault.vault import Vault

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.session.model import Session


def loans(keeper: Keeper) -> dict[int, Loan]:
    """Every loan of every session, ended ones too, by the id of its key."""
    vault = keeper.vault
    found = (loan for entry in vault.entries() for loan in Shelf(vault, entry.name, 0).loans())
    return {loan.key.id: loan for loan in found}


def loan_of(keeper: Keeper, session: Session) -> Loan | None:
    """The loan that ``session`` is, if it is one of this home."""
    return loans(keeper).get(session.auth_key.id) if Vault.exists(keeper.home.vault) else None


def revoked(keeper: Keeper, name: str) -> dict[str, bytes]:
    """What the vault is to keep of the open loans of ``name`` from now on, by their ids: that they were revoked."""
    now = keeper.clock.wall()
    found = (loan for loan in Shelf(keeper.vault, name, 0).loans() if loan.state(now) == OPEN)
    return {loan.id: loan.ended(REVOKED, now).to_payload() for loan in found}


def refused(loan: Loan) -> ConfigError:
    """The error for a loan in the place of a session."""
    return ConfigError(
        f"This is a loan of {loan.session!r} ({loan.id}), not a session: it opens nothing but the gateway.",
        remedy=f"The session itself is kept already: telekeep test {loan.session}",
    )
