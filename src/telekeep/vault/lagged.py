"""What a vault may lose without losing a session: update states, journals, peers, doubts, uses and checks.

The part of `telekeep.vault.vault.Vault` that has to do with the lagging file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from telekeep.errors import TelegramSessionError
from telekeep.lease.lease import lease_name
from telekeep.vault.part import Part
from telekeep.vault.standing import kept
from telekeep.vault.stores.sessions import check_fence

if TYPE_CHECKING:
    from telekeep.session.model import Peer, UpdateState
    from telekeep.vault.record import Checked, Health
    from telekeep.vault.seal import Seal


class Lagged(Part):
    """See the module."""

    def save_state(self, name: str, auth_key_id: int, state: UpdateState, *, fence: int) -> None:
        """Replace the update state of this auth key, channels included. Raises StaleFence, SessionNotFound."""
        lease = lease_name(auth_key_id)
        admit = self._admitted(name, lease, fence)
        self._lagging.save(lease, self._seal_of_lagging(), state=state, admit=admit)

    def save_progress(
        self,
        name: str,
        auth_key_id: int,
        *,
        state: UpdateState | None,
        journal: Sequence[tuple[int, bytes]],
        keep_from: int,
        fence: int,
    ) -> None:
        """Add entries (number, payload) to the journal of this auth key and replace its update state, in one
        transaction: the state is never newer than the journal.

        ``state``: None to leave it as it is. ``keep_from``: entries with lower numbers are forgotten; so are the oldest
        beyond 20,000 entries or 16 MiB. Numbers grow; one that was there before begins the journal anew. Raises
        StaleFence, SessionNotFound, ValueError if the numbers do not grow.
        """
        from telekeep.vault.stores.journal import Journaled

        lease = lease_name(auth_key_id)
        admit = self._admitted(name, lease, fence)
        journaled = Journaled(journal, keep_from)
        self._lagging.save(lease, self._seal_of_lagging(), state=state, journaled=journaled, admit=admit)

    def save_journal(
        self, name: str, auth_key_id: int, entries: Sequence[tuple[int, bytes]], *, keep_from: int, fence: int
    ) -> None:
        """As `save_progress`; the update state stays as it is."""
        self.save_progress(name, auth_key_id, state=None, journal=entries, keep_from=keep_from, fence=fence)

    def journal(self, name: str, auth_key_id: int) -> list[tuple[int, bytes]]:
        """The journal of this auth key, in order and without a hole.

        Empty, with a notice, if the lagging file or its key is damaged; of a journal that is damaged in part, what
        came after. Raises SessionSealed.
        """
        with self._unlocking.reading() as unsealed:
            seal = unsealed.lagging_seal()
        lease = lease_name(auth_key_id)
        return self._journals({name: lease}, seal).get(lease, [])

    def _journals(self, leases: Mapping[str, str], seal: Seal | None) -> dict[str, list[tuple[int, bytes]]]:
        """The journals of these leases, by lease. ``leases``: of which session each is."""
        if seal is None:
            for name in leases:
                self._report(f"the key of the lagging file is damaged: the journal of {name!r} is lost")
            return {}
        return self._lagging.journals(leases.values(), seal)

    def begin_doubt(self, name: str, digest: bytes, at: float) -> None:
        """Note that a request of ``name`` is handed on, at wall-clock second ``at``: it may have been carried out.

        ``digest``: its SHA-256. Not lost when the process is killed; a power cut may lose it. Needs no key.
        """
        self._lagging.begin_doubt(name, digest, at)

    def end_doubts(self, name: str, digests: Iterable[bytes]) -> None:
        """These requests are in doubt no more. What is a week old is forgotten with them. Needs no key."""
        self._lagging.end_doubts(name, digests)

    def doubts(self, name: str) -> dict[bytes, float]:
        """The digests of requests in doubt, and when each was handed on. Needs no key."""
        return self._lagging.doubts(name)

    def save_peers(self, name: str, auth_key_id: int, peers: Iterable[Peer], *, fence: int) -> None:
        """Add peers to those this auth key knows, in one transaction; None in a field keeps what was known.

        Raises StaleFence, SessionNotFound.
        """
        lease = lease_name(auth_key_id)
        admit = self._admitted(name, lease, fence)
        self._lagging.save(lease, self._seal_of_lagging(), peers=peers, admit=admit)

    def touch(self, name: str, *, fence: int, at: float) -> None:
        """Note that Telegram accepted the session ``name`` at wall-clock second ``at``. Needs no key.

        Raises StaleFence, SessionNotFound.
        """
        with self._sessions.reading() as rows:
            lease = kept(rows, self._marks, name).header.lease
        self._lagging.touch(lease, at, admit=self._admitted(name, lease, fence))

    def note_uses(self, uses: Iterable[tuple[str, int, float]]) -> None:
        """Note, in one transaction, that Telegram accepted sessions: name, fencing token, wall-clock second.

        One that is not kept any more, or that a newer holder has written to since, is left out. Needs no key.
        """
        with self._sessions.reading() as rows:
            found = []
            for name, fence, at in uses:
                with suppress(TelegramSessionError):
                    lease = kept(rows, self._marks, name).header.lease
                    check_fence(fence, rows.fence(lease))
                    found.append((lease, at))
        self._lagging.touch_all(found)

    def note_check(self, name: str, health: Health, *, keep_from: float) -> None:
        """Note a check of the session ``name`` and what its checks come to now; those before wall-clock second
        ``keep_from`` are forgotten. Needs no key. Raises SessionNotFound.
        """
        with self._sessions.reading() as rows:
            lease = kept(rows, self._marks, name).header.lease
        self._lagging.note_check(lease, health, keep_from=keep_from)

    def checks(self, name: str) -> list[Checked]:
        """The checks of the login that is kept as ``name``, oldest first. Needs no key. Raises SessionNotFound."""
        with self._sessions.reading() as rows:
            lease = kept(rows, self._marks, name).header.lease
        return self._lagging.checks(lease)

    def health(self) -> dict[str, Health]:
        """What the checks of each login come to, by the lease name of its key. Needs no key."""
        return self._lagging.health()

    def flush(self) -> None:
        """Put on disk what lags. (What must never be lost is there already.)"""
        self._lagging.flush()
