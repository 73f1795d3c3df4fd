"""The loans that an adopted file is given."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING

from telekeep.borrow import asking
from telekeep.errors import GatewayError, SessionBusy, TelekeepError
from telekeep.gateway.loans import Loan
from telekeep.gateway.shelf import Shelf
from telekeep.keeper import endpoint as endpoints
from telekeep.keeper.adopt import ledger
from telekeep.keeper.adopt.adoption import Adoption
from telekeep.keeper.handover import ask
from telekeep.keeper.transfer import take
from telekeep.lease.lease import lease_name
from telekeep.session.model import AuthKey, Session

if TYPE_CHECKING:
    from contextlib import ExitStack

    from telekeep.keeper.keeper import Keeper


def daemon_pid(keeper: Keeper) -> int | None:
    """The daemon of this home, if one answers."""
    said = asking.hail(keeper.home)
    return None if said is None else said["pid"]


def take_or_find_lent(keeper: Keeper, key: AuthKey, held: ExitStack, *, floor: int, purpose: str) -> bool:
    """Take the lease on ``key`` until ``held`` is closed: nobody connects with it meanwhile. False if the daemon of
    this home has it and lends it to programs that use it now: then it is connected already, and may go on.

    Raises SessionBusy if anybody else has it.
    """
    try:
        take(keeper, key.id, held, floor=floor, purpose=purpose)
    except SessionBusy:
        holder = keeper.leases.holder(lease_name(key.id))
        if holder is None or holder.pid != daemon_pid(keeper):
            raise
        return False
    return True


class Lender:
    """Makes the loans of one file: ``grant``, ``expires_at`` in wall-clock seconds or None."""

    def __init__(self, keeper: Keeper, *, grant: str, seconds: float | None) -> None:
        self._keeper = keeper
        self._grant = grant
        self._seconds = seconds
        self._minted: list[Loan] = []

    def lend(self, name: str, label: str, *, ours: bool) -> Loan:
        """A lasting loan of ``name``. ``ours``: we hold its lease, and the loan is in force once it is `kept`;
        otherwise the daemon makes it, and has it in force at once.
        """
        keeper = self._keeper
        if not ours:
            given = ask(keeper, "lend", name=name, label=label, grant=self._grant, seconds=self._seconds)
            if given is None:
                raise GatewayError("The daemon has ended.", remedy="Run the command again. Nothing was changed.")
            return next(each for each in Shelf(keeper.vault, name, 0).loans() if each.id == given["id"])
        now = keeper.clock.wall()
        loan = Loan.mint(
            session=name,
            label=label,
            grant=self._grant,
            made_at=now,
            expires_at=None if self._seconds is None else now + self._seconds,
            taken={each.id for each in ledger.loans(keeper).values()},
        )
        self._minted.append(loan)
        return loan

    def keep(self) -> None:
        """Put the loans into force that are not yet."""
        for loan in self._minted:
            Shelf(self._keeper.vault, loan.session, 0).keep(loan)

    def written(self, loan: Loan, real: Session) -> Session:
        """The loan as the session that a program reads in the place of ``real``."""
        endpoint = endpoints.settled(self._keeper, Shelf(self._keeper.vault, loan.session, 0), real.dc.id)
        return loan.as_session(endpoint.home, self._keeper.network.name, real.user)


def withdraw(keeper: Keeper, adoption: Adoption, ours: Collection[str]) -> None:
    """End the loans of an adoption that came to nothing. ``ours``: the leases we hold."""
    ledger.end(keeper, adoption.now(adoption.state, held=tuple(e for e in adoption.held if e.lease in ours)))
    for each in adoption.held:
        if each.lease not in ours:
            with suppress(TelekeepError):  # it stays in the list of loans, and nobody has its key
                ask(keeper, "revoke", loan=each.loan)
