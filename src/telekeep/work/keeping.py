"""The keeper of a daemon: one that can be unlocked and locked while it runs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from telekeep.errors import ConfigError, SessionNotFound, SessionSealed
from telekeep.keeper.keeper import Keeper
from telekeep.vault.keys import PASSPHRASE, worded
from telekeep.vault.keys.file import KeyFile
from telekeep.work.held_key import REMEDY, HeldKey

if TYPE_CHECKING:
    from telekeep import paths
    from telekeep.clock import Clock
    from telekeep.secret import Secret
    from telekeep.session.network import Network
    from telekeep.vault.keys.passphrase import Passphrase
    from telekeep.vault.keys.source import KeySource, Made, Parameters


class DaemonKeeper(Keeper):
    """A keeper whose vault opens by a passphrase given to `unlock`, and by nothing after `lock`.

    Whoever keeps a vault of it beyond `lock` keeps its key: let all sessions go first.
    """

    def __init__(
        self, home: paths.Home, network: Network, clock: Clock, *, key_source: KeySource | None = None
    ) -> None:
        self._held = HeldKey(self._recorded, KeyFile(home.key_file), clock)
        super().__init__(home, network, clock, key_source=key_source or self._held)

    def unlock(self, passphrase: Secret | None, *, seconds: float | None) -> None:
        """Open the vault with ``passphrase``, for ``seconds`` or until `lock`. Takes 0.1 s: call it in a thread.

        A vault with another source needs none. Raises SessionSealed if the passphrase is wrong or missing,
        SessionNotFound if there is no vault, ConfigError for a lifetime that is none.
        """
        if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
            raise ConfigError("A lifetime is a number of seconds above 0.")
        if self.vault.key_source != PASSPHRASE:
            self._held.open(seconds=seconds)
            return
        if passphrase is None:
            raise SessionSealed("The vault is sealed with a passphrase, and none was given.", remedy=REMEDY)
        from telekeep.vault.keys.passphrase import Passphrase
        from telekeep.vault.vault import Vault

        noting = _Noting(Passphrase(lambda: passphrase.reveal().decode()))
        with Vault.open(self.home.vault, clock=self.clock, marks=self.home.state, source=noting) as vault:
            vault.unlock()
            self._held.hold(vault.id, noting.keys, seconds=seconds)

    def expect_key(self, key: Secret) -> bool:
        """``key`` is about to be the master key of this vault. False while it is locked."""
        return self._held.expect(self.vault.id, key)

    def lock(self) -> None:
        """Forget the master key. Nothing opens the vault here until `unlock`."""
        self._held.forget()
        self.close()

    def reload(self) -> None:
        """Read the settings again. Raises ConfigError for what contradicts itself, and keeps the old ones."""
        before = self.__dict__.pop("settings", None)
        try:
            _ = self.settings
        except ConfigError:
            if before is not None:
                self.__dict__["settings"] = before
            raise

    @property
    def is_over(self) -> bool:
        """Whether the lifetime that `unlock` was given has ended, and `lock` is due."""
        return self._held.is_over

    @property
    def left(self) -> float | None:
        """Seconds until `lock` is due; None if it never is."""
        return self._held.left

    @property
    def is_locked(self) -> bool:
        """Whether nothing here opens the vault: it was locked, or nobody told the passphrase."""
        return self._held.is_locked

    @property
    def holds_key(self) -> bool:
        """Whether a key made from a passphrase is held in memory: it would be gone with this process."""
        return self._held.is_in_memory

    @property
    def key_source(self) -> str | None:
        """Where the vault's key comes from, in words; None if there is no vault."""
        kind = self._recorded()
        return worded(kind) if kind else None

    def _recorded(self) -> str | None:
        try:
            return self.vault.key_source
        except SessionNotFound:
            return None


class _Noting:
    """A passphrase that notes the keys it gave."""

    name = PASSPHRASE

    def __init__(self, passphrase: Passphrase) -> None:
        self._passphrase = passphrase
        self.keys: list[Secret] = []

    def make(self, vault_id: str, *, fresh: bool) -> Made:
        return self._passphrase.make(vault_id, fresh=fresh)

    def masters(self, vault_id: str, parameters: Parameters) -> Iterable[Secret]:
        self.keys = list(self._passphrase.masters(vault_id, parameters))
        return self.keys

    def retire(self, vault_id: str, parameters: Parameters) -> None:
        self._passphrase.retire(vault_id, parameters)
