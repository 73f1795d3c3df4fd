"""Making and ending the loans of one session: known to the gateway, and on disk."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from telekeep.clock import Clock
from telekeep.errors import TelekeepError
from telekeep.gateway.grants import Grant
from telekeep.gateway.loans import EXPIRED, OPEN, Loan
from telekeep.gateway.register import Register
from telekeep.mtproto.schema import LAYER

if TYPE_CHECKING:
    from telekeep.gateway.borrowers import Borrowers
    from telekeep.gateway.shelf import Shelf

_log = logging.getLogger(__name__)

_UNUSED = 600.0  # seconds after which a loan that a program fetched for itself is forgotten
_REMEMBERED = 30 * 86_400.0  # seconds for which an ended loan is answered by name
_MOST_ENDED = 1000  # of those: a program that lends every minute would fill the vault with them


def is_remembered(ended: Loan, now: float) -> bool:
    """Whether a loan that has ended is still answered by name."""
    return ended.ended_at is None or now - ended.ended_at <= (_REMEMBERED if ended.lasting else _UNUSED)


class Lending:
    """The loans of the session ``name``. ``shelf``: where they are kept; ``register``: where their keys are known."""

    def __init__(self, name: str, register: Register, shelf: Shelf, borrowers: Borrowers, *, clock: Clock) -> None:
        self._name = name
        self._register = register
        self._shelf = shelf
        self._borrowers = borrowers
        self._clock = clock
        self._read: int | None = None  # what the shelf said when they were read
        self._unwritten: dict[str, Loan] = {}  # loans that have changed, and the disk does not know

    def restore(self, loans: Iterable[Loan], mark: int) -> None:
        """Know what was lent before: ``loans``, and what `Shelf.loans_mark` said when they were read."""
        now = self._clock.wall()
        self._read = mark
        for loan in loans:
            self._register.add(loan.used(now))  # its program may be about to come back

    def end_what_ended(self) -> None:
        """Loans that were revoked while the session was being opened, when nobody knew of this owner yet."""
        if self._shelf.loans_mark() == self._read:
            return
        for stored in self._shelf.loans():
            if stored.ended_at is not None:
                self._cut_off(stored)

    def all(self) -> list[Loan]:
        """Every loan, the oldest first."""
        return sorted(self._register.loans.values(), key=lambda loan: loan.made_at)

    @property
    def has_lasting(self) -> bool:
        """Whether a program may come at any time with a loan it was given."""
        now = self._clock.wall()
        return any(loan.lasting and loan.state(now) == OPEN for loan in self._register.loans.values())

    @property
    def hosts(self) -> set[str]:
        """The addresses beside loopback for which there are open loans."""
        now = self._clock.wall()
        return {loan.host for loan in self._register.loans.values() if loan.host and loan.state(now) == OPEN}

    def lend(self, label: str, grant: Grant, *, seconds: float | None, lasting: bool, host: str | None) -> Loan:
        """A new loan; on disk when this returns."""
        now = self._clock.wall()
        loan = Loan.mint(
            session=self._name,
            label=label,
            grant=str(grant),
            made_at=now,
            expires_at=now + seconds if seconds is not None else None,
            lasting=lasting,
            host=host,
            taken=self._register.loans,
        )
        self._shelf.keep(loan)
        self._register.add(loan)
        if lasting:
            _log.info("loan %s %s of %r: %s", loan.id, loan.label, self._name, loan.grant)
        return loan

    def end(self, loan_id: str, why: str) -> Loan | None:
        """End a loan: revoked, expired or logged out. Its connections are closed; what they ask then is told why.

        It has ended whatever happens. Raises StorageUnavailable if the disk does not take it; it is tried again.
        """
        loan = self._register.loans.get(loan_id)
        if loan is None or loan.ended_at is not None:
            return loan
        ended = loan.ended(why, self._clock.wall())
        _log.info("loan %s %s of %r has ended: %s", loan.id, loan.label, self._name, why)
        self._cut_off(ended)
        self._write(ended)
        return ended

    def _cut_off(self, ended: Loan) -> None:
        self._register.replace(ended)
        self._borrowers.cut_off(ended)

    def _write(self, loan: Loan) -> None:
        self._unwritten[loan.id] = loan
        self._shelf.keep(loan)
        del self._unwritten[loan.id]

    def speaks(self, loan: Loan, layer: int) -> None:
        """Remember which layer a loan's program speaks: after a restart it goes on without saying so again.

        Raises StorageUnavailable.
        """
        spoken = loan.spoken(layer)
        self._register.replace(spoken)
        if loan.layer is None and layer != LAYER:
            self._write(spoken)
        else:
            self._unwritten[loan.id] = spoken  # in a while: a program could say another one each time

    # ---- now and then

    def look_after(self) -> None:
        """Once a second: end loans whose time is over, and forget those that nobody will ask for any more.

        Raises StorageUnavailable.
        """
        now = self._clock.wall()
        for loan in tuple(self._register.loans.values()):
            self._look_at(loan, now)
        self._forget_the_oldest()
        for loan in tuple(self._unwritten.values()):
            self._write(loan)

    def _forget_the_oldest(self) -> None:
        ended = [loan for loan in self._register.loans.values() if loan.ended_at is not None]
        if len(ended) > _MOST_ENDED:
            ended.sort(key=lambda loan: loan.ended_at or 0.0)
            for loan in ended[: len(ended) - _MOST_ENDED]:
                self._drop(loan)

    def _look_at(self, loan: Loan, now: float) -> None:
        if loan.ended_at is not None:
            if not is_remembered(loan, now):
                self._drop(loan)
        elif loan.state(now) == EXPIRED:
            with suppress(TelekeepError):  # it is written the next time
                self.end(loan.id, EXPIRED)
        elif not loan.lasting and now - loan.last_used > _UNUSED:
            if self._borrowers.of(loan):
                self._register.replace(loan.used(now))
            else:
                self._drop(loan)

    def _drop(self, loan: Loan) -> None:
        self._shelf.drop(loan)
        self._register.forget(loan)
        self._unwritten.pop(loan.id, None)
