"""Sessions that a daemon lends no more: their gateways stay, so that whoever comes with a loan is told that it ended.

A session that was removed has one, and a kept one all of whose loans have ended, for as long as these are remembered.
Once the session is owned again, its owner tells them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from telekeep.errors import GatewayError
from telekeep.gateway.farewell import Farewell
from telekeep.gateway.lending import is_remembered
from telekeep.gateway.loans import OPEN, REVOKED, Loan
from telekeep.gateway.shelf import Shelf
from telekeep.vault.record import REMOVED, Entry

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper

_log = logging.getLogger(__name__)


class Farewells:
    """The gateways of one daemon that have nothing left to lend, by the names of their sessions.

    Whoever calls holds the session's turn (`telekeep.work.owning.Owning.turn`).
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._open: dict[str, Farewell] = {}
        self._seen: dict[str, tuple[str, int]] = {}  # what was there when it was last looked

    def has_news(self, entry: Entry) -> bool:
        """Whether the loans of a session have changed since it was last looked, or the session has."""
        return self._seen.get(entry.name) != self._mark(entry)

    async def look(self, entry: Entry) -> None:
        """Serve a session that is not owned as its loans are now; or not at all, if any is open or none remembered.

        Raises what the vault says.
        """
        self._seen[entry.name] = self._mark(entry)
        await self._end(entry.name)
        shelf = Shelf(self._keeper.vault, entry.name, 0)
        ended = said_farewell(
            shelf.loans(though_removed=True), self._keeper.clock.wall(), is_removed=entry.state == REMOVED
        )
        endpoint = shelf.endpoint() if ended else None
        if endpoint is None:
            return
        farewell = Farewell(entry.name, endpoint, ended, clock=self._keeper.clock)
        try:
            await farewell.open()
        except GatewayError as error:
            _log.warning("programs with ended loans of %r are not told: %s", entry.name, error)
            return
        self._open[entry.name] = farewell
        _log.info("%r is lent no more; programs that come with its loans are told", entry.name)

    async def end(self, name: str) -> None:
        """The session is about to be owned: its gateway's ports are the owner's."""
        self._seen.pop(name, None)
        await self._end(name)

    async def close(self) -> None:
        """Serve none."""
        for name in tuple(self._open):
            await self.end(name)
        self._seen.clear()

    async def _end(self, name: str) -> None:
        farewell = self._open.pop(name, None)
        if farewell is not None:
            await farewell.close()

    def _mark(self, entry: Entry) -> tuple[str, int]:
        return entry.state, self._keeper.vault.loans_mark(entry.name)


def said_farewell(loans: list[Loan], now: float, *, is_removed: bool) -> list[Loan]:
    """The loans of a session that is not owned, as they are told at ``now``; none while it is to be owned for one.

    One that is still open with its session removed (the login was ended by a program that held it) counts as revoked.
    """
    if is_removed:
        loans = [loan.ended(REVOKED, now) if loan.state(now) == OPEN else loan for loan in loans]
    if any(loan.state(now) == OPEN for loan in loans):
        return []
    return [loan for loan in loans if is_remembered(loan, now)]
