"""Sessions of a vault into an archive, and back out of one.

The part of `telekeep.vault.vault.Vault` that has to do with archives; `telekeep.vault.archive` is what they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from telekeep.vault.part import Part
from telekeep.vault.record import Entry, entry_of

if TYPE_CHECKING:
    from telekeep.errors import TelegramSessionError
    from telekeep.vault.archive.returning import Reached, Wanted
    from telekeep.vault.archive.sealing import Archive, Opened
    from telekeep.vault.keys.source import KeySource


class Archived(Part):
    """See the module."""

    def archive(
        self,
        names: Collection[str] | None = None,
        *,
        reason: str,
        source: KeySource | None = None,
        as_it_is: bool = False,
    ) -> tuple[Archive, dict[str, TelegramSessionError]]:
        """A sealed archive of the sessions ``names``, or of all with what belongs to the vault; and why records were
        left out, by name. In one view; writes nothing.

        ``source``: a passphrase to seal it with, None for the vault's own master key. ``as_it_is``: records that are
        older than their marks too. Raises SessionNotFound, SessionSealed; the first reason if nothing is left.
        """
        from telekeep.vault.archive.making import make, own_key

        own = own_key(source) if source is not None else None
        with self.view(), self._unlocking.reading() as unsealed:
            return make(
                unsealed, self._lagging, self._marks, names,
                now=self._clock.wall(), reason=reason, own=own, as_it_is=as_it_is,
            )  # fmt: skip

    def reached(self, records: Iterable[tuple[str, str]]) -> dict[str, Reached]:
        """How far the records of these names have come, and the keys of these leases. Needs no key."""
        from telekeep.vault.archive.returning import Reached

        with self._sessions.reading() as rows:
            floors: dict[str, int] = {}
            for mark in self._marks.all().values():
                floors[mark.lease] = max(mark.fence, floors.get(mark.lease, 0))
            leases = dict(records)
            newest, fences = rows.newest_of(leases), rows.fences()
            return {
                name: Reached(newest[name], max(fences.get(lease, 0), floors.get(lease, 0)))
                for name, lease in leases.items()
            }

    def put_back(self, archive: Opened, wanted: Sequence[Wanted]) -> list[Entry]:
        """Keep the ``wanted`` sessions of an archive as new generations: all of them, on disk when this returns, or
        none.

        Raises SessionConflict if one has changed meanwhile, StaleFence, SessionSealed.
        """
        from telekeep.vault.archive.returning import put_back

        now = self._clock.wall()
        self._marks.prepare()
        with self._unlocking.writing() as unsealed:
            returned = put_back(unsealed, archive.contents, wanted, marks=self._marks.all(), now=now)
            forgotten = tuple(
                lease for each in wanted if each.expected for lease in self._prune(unsealed.rows, each.header.name, now)
            )
            seal = unsealed.lagging_seal() or unsealed.new_lagging_seal()
            self._lagging.put_back(returned.lagged, sealed_with=archive.lagging_seal(), seal=seal)
            self._lagging.flush()
        self._mark(*returned.positions)
        self._forget(forgotten)
        return [
            entry_of(header, fence=header.fence, last_used_at=lagged.used)
            for header, (_, lagged) in zip(returned.headers, returned.lagged, strict=True)
        ]
