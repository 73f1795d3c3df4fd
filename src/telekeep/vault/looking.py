"""What is kept of sessions, opened: of one, and of many in one look.

The part of `telekeep.vault.vault.Vault` that opens records. However many they are, there is one query for each table: a
daemon opens two hundred sessions at once.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from telekeep.errors import SessionCorrupt, TelekeepError
from telekeep.vault.highwater import Position, is_older, rolled_back
from telekeep.vault.part import Part
from telekeep.vault.record import Entry, entry_of
from telekeep.vault.standing import kept_each, older, reached
from telekeep.vault.stores.belongings import ENDPOINT, LOAN, mark_of

if TYPE_CHECKING:
    from telekeep.session.model import Peer, Session, UpdateState
    from telekeep.vault.lending import StoredLoan
    from telekeep.vault.record import Generation
    from telekeep.vault.stores.belongings import Belonging
    from telekeep.vault.unsealed import Unsealed


class Looked(NamedTuple):
    """What an owner needs to know of its session: what `Vault.read`, `loans`, `loans_mark`, `endpoint` and `journal`
    say. ``endpoint`` may be the error it raises.
    """

    entry: Entry
    session: Session
    loans: list[StoredLoan]
    loans_mark: int
    endpoint: bytes | SessionCorrupt | None
    journal: list[tuple[int, bytes]]


class Looking(Part):
    """See the module."""

    def load(self, name: str, *, generation: int | None = None) -> Session:
        """The session ``name``, with the update state and the peers of its auth key.

        ``generation``: an older one; it is read even where the newest is damaged, removed, or older than its mark.
        Raises SessionNotFound, SessionSealed, SessionCorrupt, RecordSwapped, VaultRolledBack, UnknownFormat.
        """
        from telekeep.vault.payload import read_session

        if generation is None:
            return self.read(name)[1]
        with self._unlocking.reading() as unsealed:
            sealed = older(unsealed.rows, name, generation)
            session, lease = read_session(unsealed.open(sealed)), sealed.header.lease
            return _with_lagged(session, self._lagged(unsealed, [lease]).get(lease))

    def read(self, name: str) -> tuple[Entry, Session]:
        """What `entry` and `load` say, in one view of the record. Raises what they do."""
        with self._unlocking.reading() as unsealed:
            each, behind = self._read_each(unsealed, [name])
        self._mark(*behind)
        found = each[name]
        if isinstance(found, TelekeepError):
            raise found
        return found

    def look(self, names: Collection[str]) -> dict[str, Looked | TelekeepError]:
        """What is kept of each of ``names``, in one view, or what `read` raises of it."""
        try:
            return self._look(names)
        except TelekeepError as error:
            if len(names) == 1:
                return dict.fromkeys(names, error)
        # A page of the file that is damaged spoils the look at all; whose it is not, is found alone.
        return {name: found for each in names for name, found in self.look([each]).items()}

    def _look(self, names: Collection[str]) -> dict[str, Looked | TelekeepError]:
        from telekeep.vault.lending import loans

        with self.view(), self._unlocking.reading() as unsealed:
            found: dict[str, Looked | TelekeepError] = {}
            read, behind = self._read_each(unsealed, names)
            leases = {name: each[0].lease for name, each in read.items() if not isinstance(each, TelekeepError)}
            journals = self._journals(leases, unsealed.lagging_seal())
            lent = unsealed.rows.belongings.of_each(LOAN, leases)
            listening = unsealed.rows.belongings.of_each(ENDPOINT, leases)
            for name, each in read.items():
                if isinstance(each, TelekeepError):
                    found[name] = each
                    continue
                stored, wrong = loans(unsealed, lent[name], kept=(name,))
                self._report_once(wrong)
                where = _opened(unsealed, listening[name])
                found[name] = Looked(*each, stored, mark_of(lent[name]), where, journals.get(leases[name], []))
        self._mark(*behind)
        return found

    def _read_each(
        self, unsealed: Unsealed, names: Collection[str]
    ) -> tuple[dict[str, tuple[Entry, Session] | TelekeepError], list[tuple[str, Position]]]:
        """What `read` returns or raises of each of ``names``, and the records that their marks are behind."""
        from telekeep.vault.payload import read_session

        found: dict[str, tuple[Entry, Session] | TelekeepError] = {}
        opened: dict[str, tuple[Generation, Position, Session]] = {}
        for name, each in kept_each(unsealed.rows, self._marks, names).items():
            try:
                if isinstance(each, TelekeepError):
                    raise each
                sealed, fence = each
                session = read_session(unsealed.open(sealed))
                opened[name] = sealed.header, reached(sealed, fence, opened=True), session
            except TelekeepError as error:
                found[name] = error
        marks = self._marks.of(opened)
        leases = [header.lease for header, _, _ in opened.values()]
        lagged, used = self._lagged(unsealed, leases), self._lagging.used(leases)
        behind = []
        for name, (header, here, session) in opened.items():
            mark = marks.get(name)
            if mark is not None and is_older(here, mark):  # of another line of history, as its seal shows
                found[name] = rolled_back(name, here, mark)
                continue
            if mark != here:
                behind.append((name, here))
            entry = entry_of(header, fence=here.fence, last_used_at=used.get(header.lease))
            found[name] = entry, _with_lagged(session, lagged.get(header.lease))
        return {name: found[name] for name in names}, behind

    def _lagged(
        self, unsealed: Unsealed, leases: Collection[str]
    ) -> dict[str, tuple[UpdateState | None, tuple[Peer, ...]]]:
        """Update state and peers of these leases, as far as they are known."""
        seal = unsealed.lagging_seal()
        if seal is not None:
            return self._lagging.read(leases, seal)
        self._report("the key of the lagging file is damaged: update state and peers will be fetched again")
        return {}


def _with_lagged(session: Session, lagged: tuple[UpdateState | None, tuple[Peer, ...]] | None) -> Session:
    return session if lagged is None else replace(session, state=lagged[0], peers=lagged[1])


def _opened(unsealed: Unsealed, rows: list[Belonging]) -> bytes | SessionCorrupt | None:
    """What the only one of ``rows`` holds, if there is one."""
    try:
        return next((unsealed.open_belonging(row) for row in rows), None)
    except SessionCorrupt as error:
        return error
