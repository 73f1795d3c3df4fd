"""The records with the key at hand: opened, added, wrapped anew. Inside one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from telekeep.secret import Secret
from telekeep.vault.diagnosis import why, why_not
from telekeep.vault.record import Generation
from telekeep.vault.seal import DoesNotOpen, Master, Seal, new_key
from telekeep.vault.stores.belongings import Belonging
from telekeep.vault.stores.sessions import Rows, Sealed

LAGGING_KEY = "lagging"


@dataclass(frozen=True, slots=True)
class Unsealed:
    """The ``rows`` of the vault and the ``master`` key that is in force for them."""

    rows: Rows
    master: Master

    def open(self, sealed: Sealed) -> bytes:
        """The payload of a generation. Raises SessionCorrupt, RecordSwapped or VaultRolledBack if it does not open."""
        try:
            return self.master.open_record(sealed.header.bound(), sealed.wrapped, sealed.sealed)
        except DoesNotOpen:
            raise why(sealed, self.rows.every_generation(), self.master) from None

    def add(self, header: Generation, payload: bytes) -> Sealed:
        """Seal ``payload`` with a fresh data key and put it in force."""
        sealed = self.sealed(header, payload)
        self.rows.add(sealed)
        return sealed

    def sealed(self, header: Generation, payload: bytes) -> Sealed:
        """Seal ``payload`` with a fresh data key; written nowhere yet."""
        return Sealed(header, *self.master.seal_record(header.bound(), payload))

    def open_belonging(self, row: Belonging) -> bytes:
        """The payload of a row. Raises SessionCorrupt, or RecordSwapped, if it does not open."""
        try:
            return self.master.open_record(row.bound(), row.wrapped, row.sealed)
        except DoesNotOpen:
            raise why_not(row, self.rows.belongings.every(), self.master) from None

    def put_belonging(self, kind: str, name: str, id: str, payload: bytes) -> None:
        """Seal ``payload`` with a fresh data key, in place of what was under this kind, name and id."""
        bound = Belonging(kind, name, id).bound()
        self.rows.belongings.put(Belonging(kind, name, id, *self.master.seal_record(bound, payload)))

    def lagging_seal(self) -> Seal | None:
        """The seal of the lagging file; None if its key is damaged."""
        wrapped = self.rows.key(LAGGING_KEY)
        if wrapped is None:
            return None
        try:
            return self.master.seal_with(LAGGING_KEY.encode(), wrapped)
        except DoesNotOpen:
            return None

    def new_lagging_seal(self) -> Seal:
        """A seal for the lagging file in place of a damaged one: what the old one sealed is lost."""
        key = new_key()
        self.rows.set_key(LAGGING_KEY, wrapped_lagging_key(self.master, key))
        return Seal(key, self.master.vault_id)

    def rewrap(self, new: Master) -> int:
        """Wrap every data key with ``new``. Returns how many were damaged already, and stay as they are."""
        damaged = 0
        for sealed in self.rows.every_generation():
            bound = sealed.header.bound()
            try:
                self.rows.rewrap(sealed.header, new.wrap(bound, self.master.unwrap(bound, sealed.wrapped)))
            except DoesNotOpen:
                damaged += 1
        for row in self.rows.belongings.every():
            bound = row.bound()
            try:
                wrapped = new.wrap(bound, self.master.unwrap(bound, row.wrapped))
            except DoesNotOpen:
                damaged += 1
            else:
                self.rows.belongings.put(row._replace(wrapped=wrapped))
        try:
            key = self.master.unwrap(LAGGING_KEY.encode(), self.rows.key(LAGGING_KEY) or b"")
            self.rows.set_key(LAGGING_KEY, wrapped_lagging_key(new, key))
        except DoesNotOpen:
            damaged += 1
        return damaged


def wrapped_lagging_key(master: Master, key: Secret) -> bytes:
    """The data key of the lagging file, as it lies in the vault."""
    return master.wrap(LAGGING_KEY.encode(), key)
