"""The adoptions of one vault, and the loans that stand in their files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from telekeep.errors import SessionCorrupt
from telekeep.gateway.loans import OPEN, REVOKED, Loan
from telekeep.gateway.shelf import Shelf
from telekeep.keeper.adopt.adoption import ADOPTED, Adoption
from telekeep.keeper.loaned import loans as loans

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.vault.vault import Vault

MOST_KEPT = 8 << 20  # bytes of an original; of a larger file only the session goes back


def all_of(vault: Vault) -> list[Adoption]:
    """Every adoption, by path. One that cannot be read is left out; the vault says so."""
    found = []
    for stored in vault.adoptions():
        try:
            found.append(Adoption.from_payload(stored.payload))
        except SessionCorrupt as error:
            vault.notices.append(error.message)
    return sorted(found, key=lambda each: (each.path, each.at))


def at(vault: Vault, path: str) -> Adoption | None:
    """The adoption of the file at ``path``."""
    return next((each for each in reversed(all_of(vault)) if each.path == path), None)


def write(
    vault: Vault,
    adoption: Adoption,
    *,
    original: bytes | None = None,
    is_away: bool,
    instead_of: Iterable[str] = (),
) -> None:
    """Keep an adoption; ``is_away``: whether its keys may be in use outside telekeep from now on."""
    vault.keep_adoption(
        adoption.id,
        adoption.to_payload(),
        original=original if original is None or len(original) <= MOST_KEPT else None,
        away=adoption.leases if is_away else (),
        instead_of=instead_of,
    )


def end(keeper: Keeper, adoption: Adoption) -> None:
    """End the loans of a file. Only while the leases of their sessions are held: a daemon that owns one must hear of
    it itself.
    """
    now = keeper.clock.wall()
    wanted = {each.loan for each in adoption.held}
    for loan in loans(keeper).values():
        if loan.id in wanted and loan.state(now) == OPEN:
            Shelf(keeper.vault, loan.session, 0).keep(loan.ended(REVOKED, now))


def stands(adoption: Adoption, found: dict[int, Loan], now: float) -> bool:
    """Whether it is complete and all its loans are open."""
    state = {loan.id: loan.state(now) for loan in found.values()}
    return adoption.state == ADOPTED and all(state.get(each.loan) == OPEN for each in adoption.held)
