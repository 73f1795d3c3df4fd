"""What belongs to the sessions of a vault besides their records: loans, endpoints, adopted files, logins, renewals.

The part of `telekeep.vault.vault.Vault` that has to do with it; each kind has a file of its own for its rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from telekeep.vault.part import Part
from telekeep.vault.standing import kept
from telekeep.vault.stores.belongings import ALARM, AWAY, ENDPOINT, LOAN, RENEWAL, mark_of

if TYPE_CHECKING:
    from telekeep.vault.adopted import StoredAdoption
    from telekeep.vault.lending import StoredLoan
    from telekeep.vault.renewals import StoredRenewal
    from telekeep.vault.watched import StoredAlarm


class Belonging(Part):
    """See the module."""

    # ---- what the gateway of a session must not lose

    def keep_loan(self, name: str, loan_id: str, payload: bytes) -> None:
        """Keep a loan of the session ``name``, in place of one with this id; on disk when this returns.

        Raises SessionNotFound, SessionSealed, SessionCorrupt, VaultRolledBack.
        """
        self._keep_belonging(LOAN, name, loan_id, payload)

    def loans(self, name: str | None = None, *, though_removed: bool = False) -> list[StoredLoan]:
        """The loans of the session ``name``, or of all sessions, but for those that were removed.

        ``though_removed``: of those, too; nothing may be lent on them. One that is damaged, or swapped for another, is
        left out and named in ``notices``. Raises SessionSealed.
        """
        from telekeep.vault.lending import loans

        with self._unlocking.reading() as unsealed:
            belongings = unsealed.rows.belongings
            rows = belongings.every() if name is None else belongings.of(LOAN, name)
            found, wrong = loans(unsealed, rows, though_removed=though_removed)
        self._report_once(wrong)
        return found

    def loans_mark(self, name: str) -> int:
        """Another number as soon as the loans of the session ``name`` are others, or have changed. No key."""
        with self._sessions.reading() as rows:
            return mark_of(rows.belongings.of(LOAN, name))

    def lending_names(self) -> frozenset[str]:
        """The names of sessions of which there are loans, open or ended. No key."""
        with self._sessions.reading() as rows:
            return frozenset(name for name, _ in rows.belongings.ids(LOAN))

    def drop_loan(self, name: str, loan_id: str) -> None:
        """Forget a loan for good, if there is one; damaged ones too. Needs no key."""
        with self._sessions.transaction() as rows:
            rows.belongings.drop(LOAN, name, loan_id)

    def keep_endpoint(self, name: str, payload: bytes) -> None:
        """Keep where the gateway of the session ``name`` listens, in place of what was kept. Raises as `keep_loan`."""
        self._keep_belonging(ENDPOINT, name, "", payload)

    def endpoint(self, name: str) -> bytes | None:
        """Where the gateway of the session ``name`` listens; None if that was never kept.

        Raises SessionSealed; SessionCorrupt or RecordSwapped if it does not open.
        """
        with self._unlocking.reading() as unsealed:
            row = unsealed.rows.belongings.one(ENDPOINT, name, "")
            return unsealed.open_belonging(row) if row is not None else None

    # ---- adopted files

    def keep_adoption(
        self,
        adoption_id: str,
        payload: bytes,
        *,
        original: bytes | None = None,
        away: Iterable[str] | None = None,
        instead_of: Iterable[str] = (),
    ) -> None:
        """Keep what is known of an adopted file, in place of what was; all on disk when this returns, or nothing.

        ``original``: what the file held, None to leave what is stored. ``away``: the leases of those of its keys that
        may be in use outside telekeep from now on, None to leave it as it is. ``instead_of``: earlier adoptions to
        forget. Raises SessionSealed.
        """
        from telekeep.vault import adopted

        with self._unlocking.writing() as unsealed:
            adopted.put(unsealed, adoption_id, payload, original=original, away=away)
            for earlier in instead_of:
                adopted.drop(unsealed.rows, earlier)

    def adoptions(self) -> list[StoredAdoption]:
        """The adopted files. One that is damaged is left out and named in ``notices``. Raises SessionSealed."""
        from telekeep.vault import adopted

        with self._unlocking.reading() as unsealed:
            found, wrong = adopted.adoptions(unsealed)
        self._report_once(wrong)
        return found

    def original(self, adoption_id: str) -> bytes | None:
        """What an adopted file held; None if it was too large to be kept. Raises SessionSealed, SessionCorrupt."""
        from telekeep.vault import adopted

        with self._unlocking.reading() as unsealed:
            return adopted.original(unsealed, adoption_id)

    def drop_adoption(self, adoption_id: str) -> None:
        """Forget an adopted file, its original, and that its keys were away. Needs no key."""
        from telekeep.vault import adopted

        with self._sessions.transaction() as rows:
            adopted.drop(rows, adoption_id)

    def away(self) -> frozenset[str]:
        """The leases of keys that lie in files, where programs may use them that know nothing of telekeep. No key."""
        with self._sessions.reading() as rows:
            return frozenset(lease for _, lease in rows.belongings.ids(AWAY))

    # ---- the logins of accounts, and alarms about them

    def keep_logins(self, account: str, payload: bytes, alarms: Iterable[StoredAlarm] = ()) -> None:
        """Keep which logins of an ``account`` are known, in place of what was, and add ``alarms``; all on disk when
        this returns. Raises SessionSealed.
        """
        from telekeep.vault import watched

        with self._unlocking.writing() as unsealed:
            watched.put(unsealed, account, payload, alarms)

    def logins(self, account: str) -> bytes | None:
        """Which logins of an ``account`` are known; None if nobody has looked yet.

        Raises SessionSealed; SessionCorrupt or RecordSwapped if it does not open.
        """
        from telekeep.vault import watched

        with self._unlocking.reading() as unsealed:
            return watched.logins(unsealed, account)

    def alarms(self, name: str) -> list[StoredAlarm]:
        """What nobody has looked at yet about the session ``name``. Raises as `logins`."""
        from telekeep.vault import watched

        with self._unlocking.reading() as unsealed:
            return watched.alarms(unsealed, name)

    def alarm_ids(self) -> list[tuple[str, str]]:
        """Name of the session and id of every alarm. No key."""
        with self._sessions.reading() as rows:
            return rows.belongings.ids(ALARM)

    def drop_alarms(self, name: str) -> None:
        """Somebody has looked at all alarms about the session ``name``. Needs no key."""
        with self._sessions.transaction() as rows:
            rows.belongings.drop_all(ALARM, name)

    # ---- renewals under way

    def keep_renewal(self, name: str, payload: bytes | None) -> None:
        """Keep the plan of a renewal or fork, under the name that the new authorization is for, in place of what was;
        None: it is over. On disk when this returns. Raises SessionSealed.
        """
        from telekeep.vault import renewals

        with self._unlocking.writing() as unsealed:
            renewals.put(unsealed, name, payload)

    def renewals(self) -> list[StoredRenewal]:
        """The plans. One that is damaged is left out and named in ``notices``. Raises SessionSealed."""
        from telekeep.vault import renewals

        with self._unlocking.reading() as unsealed:
            found, wrong = renewals.renewals(unsealed)
        self._report_once(wrong)
        return found

    def renewal_names(self) -> list[str]:
        """The names that have such a plan. No key."""
        with self._sessions.reading() as rows:
            return [name for name, _ in rows.belongings.ids(RENEWAL)]

    # ---- inside

    def _report_once(self, notices: Iterable[str]) -> None:
        """What is asked for again and again."""
        for notice in notices:
            if notice not in self.notices:
                self._report(notice)

    def _keep_belonging(self, kind: str, name: str, id: str, payload: bytes) -> None:
        with self._unlocking.writing() as unsealed:
            kept(unsealed.rows, self._marks, name)
            unsealed.put_belonging(kind, name, id, payload)
