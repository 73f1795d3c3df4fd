"""Keys of session files that Telegram has declared dead: a list in the home, and what its vault knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telekeep.database import Database, Kind
from telekeep.lease.lease import lease_name
from telekeep.paths import private_folder
from telekeep.vault.record import Quarantine
from telekeep.vault.stores.quarantine import TABLE, Quarantines
from telekeep.vault.vault import Vault

if TYPE_CHECKING:
    import sqlite3

    from telekeep.keeper.keeper import Keeper

_KIND: Final = Kind(
    noun="list of dead keys",
    application_id=0x544B4431,  # TKD1
    version=1,
    journal="DELETE",
    synchronous="FULL",
    schema=(TABLE,),
)


class DeadKeys:
    """The keys of session files that are dead, for all processes of one home. Opens nothing before it is asked."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._file = Database(keeper.home.root / "dead.db", _KIND)

    def find(self, auth_key_id: int) -> Quarantine | None:
        """Why nothing is sent with this key; None if it may be used."""
        found = None
        if self._file.path.exists():
            with self._file.reading() as rows:
                found = Quarantines(rows).of(lease_name(auth_key_id))
        if not self._has_vault:
            return found
        if found is not None and self._was_taken_since(auth_key_id, found.at):
            self.drop(auth_key_id)
            found = None
        return found or self._keeper.vault.quarantined(auth_key_id)

    def _was_taken_since(self, auth_key_id: int, at: float) -> bool:
        """Whether Telegram has accepted the key as that of a kept session later: `telekeep test NAME --probe` asks."""
        lease = lease_name(auth_key_id)
        used = [each.last_used_at for each in self._keeper.vault.entries() if each.lease == lease]
        return any(each is not None and each > at for each in used)

    def put(self, auth_key_id: int, row: Quarantine) -> None:
        """Note it; on disk when this returns."""
        if not self._file.path.exists():
            private_folder(self._file.path.parent)
            try:
                Database.create(self._file.path, _KIND, _nothing)
            except FileExistsError:
                pass  # another process was quicker
        with self._file.transaction() as rows:
            Quarantines(rows).put(lease_name(auth_key_id), row)

    def drop(self, auth_key_id: int) -> None:
        """Telegram has taken it after all."""
        if self._file.path.exists():
            with self._file.transaction() as rows:
                Quarantines(rows).drop(lease_name(auth_key_id))
        if self._has_vault and self._keeper.vault.quarantined(auth_key_id) is not None:
            self._keeper.vault.acquit(auth_key_id)

    @property
    def _has_vault(self) -> bool:
        return Vault.exists(self._keeper.home.vault)

    def close(self) -> None:
        self._file.close()


def _nothing(rows: sqlite3.Connection) -> None:
    pass
