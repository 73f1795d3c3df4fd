"""What the vault keeps for one session's gateway: its loans, its endpoint, its journal, and what is in doubt."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from telekeep.errors import SessionCorrupt, TelekeepError
from telekeep.gateway.endpoint import Endpoint
from telekeep.gateway.entries import Entry
from telekeep.gateway.loans import Loan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telekeep.session.model import UpdateState
    from telekeep.vault.lending import StoredLoan
    from telekeep.vault.looking import Looked
    from telekeep.vault.vault import Vault

_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """What was found when the session ``name`` was ``looked`` at; its ``loans`` as `Shelf.loans`."""

    name: str
    looked: Looked
    loans: list[Loan]

    @classmethod
    def of(cls, name: str, looked: Looked) -> Found:
        return cls(name, looked, _loans(name, looked.loans))

    def endpoint(self) -> Endpoint | None:
        """As `Shelf.endpoint`."""
        if isinstance(self.looked.endpoint, SessionCorrupt):
            raise self.looked.endpoint
        return _endpoint(self.looked.endpoint)

    def journal(self) -> list[Entry]:
        """What was stored of it. Empty if that is damaged: what is missing is fetched from Telegram then."""
        try:
            return [Entry.from_payload(number, payload) for number, payload in self.looked.journal]
        except (SessionCorrupt, ValueError) as error:
            _log.warning("the journal of %r cannot be read: %s", self.name, error)
            return []


class Shelf:
    """The part of ``vault`` that belongs to the gateway of the session ``name``, whose key has this id."""

    def __init__(self, vault: Vault, name: str, auth_key_id: int) -> None:
        self._vault = vault
        self._name = name
        self._auth_key_id = auth_key_id

    def of_key(self, auth_key_id: int) -> Shelf:
        """The same session's, when it is kept with another key."""
        return Shelf(self._vault, self._name, auth_key_id)

    # ---- loans

    def loans(self, *, though_removed: bool = False) -> list[Loan]:
        """Every loan of this session, ended ones included. One that is damaged is named in the log and left out.

        A session that was removed lends nothing; ``though_removed``: what there is of it nevertheless.
        """
        return _loans(self._name, self._vault.loans(self._name, though_removed=though_removed))

    def loans_mark(self) -> int:
        """Another number as soon as the loans are others, or have changed."""
        return self._vault.loans_mark(self._name)

    def keep(self, loan: Loan) -> None:
        """On disk when this returns."""
        self._vault.keep_loan(self._name, loan.id, loan.to_payload())

    def drop(self, loan: Loan) -> None:
        self._vault.drop_loan(self._name, loan.id)

    # ---- the endpoint

    def endpoint(self) -> Endpoint | None:
        """Where the gateway listens; None before it was made. Raises SessionCorrupt."""
        return _endpoint(self._vault.endpoint(self._name))

    def keep_endpoint(self, endpoint: Endpoint) -> None:
        self._vault.keep_endpoint(self._name, endpoint.to_payload())

    # ---- the journal

    def save_progress(self, state: UpdateState | None, entries: list[Entry], *, keep_from: int, fence: int) -> None:
        """Add ``entries``, and replace the update state, in one transaction. Raises StaleFence."""
        self._vault.save_progress(
            self._name,
            self._auth_key_id,
            state=state,
            journal=[(entry.number, entry.to_payload()) for entry in entries],
            keep_from=keep_from,
            fence=fence,
        )

    # ---- requests in doubt

    def begin(self, digest: bytes, at: float) -> None:
        """A request goes out that must not be sent twice."""
        self._vault.begin_doubt(self._name, digest, at)

    def end(self, digests: list[bytes]) -> None:
        """These were answered. A disk that does not take it changes nothing: they are held for doubtful a while."""
        try:
            self._vault.end_doubts(self._name, digests)
        except TelekeepError as error:
            _log.warning("what is in doubt of %r cannot be written: %s", self._name, error)

    def left(self) -> dict[bytes, float]:
        """What an earlier owner left behind."""
        return self._vault.doubts(self._name)


def _loans(name: str, stored: Iterable[StoredLoan]) -> list[Loan]:
    found = []
    for each in stored:
        try:
            found.append(Loan.from_payload(each.payload))
        except SessionCorrupt as error:
            _log.warning("the loan %s of %r cannot be read: %s", each.id, name, error)
    return found


def _endpoint(payload: bytes | None) -> Endpoint | None:
    return None if payload is None else Endpoint.from_payload(payload)
