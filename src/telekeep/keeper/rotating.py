"""A new master key for a vault that others have open.

Whoever has the vault open asks its source again when another key is in force. For a key file or a keyring that is all:
the new key is there before the vault is sealed with it. A passphrase lies nowhere. So the key made from a new one is
handed to the daemon before it is in force: it goes on, and so do its borrowers, wherever either of us is killed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from telekeep.errors import TelekeepError
from telekeep.keeper.handover import ask
from telekeep.lease.folder import lease_folder
from telekeep.lease.holder import DAEMON
from telekeep.lease.probe import holders
from telekeep.vault.keys import PASSPHRASE
from telekeep.vault.record import KEPT

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.secret import Secret
    from telekeep.vault.keys.source import KeySource, Made, Parameters


@dataclass(frozen=True)
class Rotated:
    """``daemon``: whether it goes on with the new key; None if none runs. ``behind``: processes that hold a session
    themselves and have to be started again, because nobody can tell them the new passphrase.
    """

    daemon: bool | None
    behind: tuple[int, ...]

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def rotate(keeper: Keeper, source: KeySource) -> Rotated:
    """Give the vault a new master key, of ``source``. Raises what `telekeep.vault.vault.Vault.rotate` raises."""
    handing = _Handing(keeper, source)
    keeper.vault.rotate(handing)
    if source.name != PASSPHRASE:
        return Rotated(None if ask(keeper, "ping") is None else True, ())
    found = holders(lease_folder(), (entry.lease for entry in keeper.vault.entries() if entry.state == KEPT))
    pids = {each.pid for each in found.values() if each.is_known and each.purpose != DAEMON}
    return Rotated(handing.taken, tuple(sorted(pids)))


class _Handing:
    """``source``, whose new keys the daemon is told before the vault has them. ``taken``: whether it took the last."""

    def __init__(self, keeper: Keeper, source: KeySource) -> None:
        self._keeper = keeper
        self._source = source
        self.name = source.name
        self.taken: bool | None = None

    def make(self, vault_id: str, *, fresh: bool) -> Made:
        made = self._source.make(vault_id, fresh=fresh)
        if self.name == PASSPHRASE:
            self.taken = self._hand(made.material)
        return made

    def _hand(self, key: Secret) -> bool | None:
        try:
            said = ask(self._keeper, "expect_key", key=key.reveal().hex())
        except TelekeepError:  # one of another release, most likely
            return False
        return None if said is None else bool(said["taken"])

    def masters(self, vault_id: str, parameters: Parameters) -> Iterable[Secret]:
        return self._source.masters(vault_id, parameters)

    def retire(self, vault_id: str, parameters: Parameters) -> None:
        self._source.retire(vault_id, parameters)
