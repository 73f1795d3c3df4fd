"""The keeper: the rooms put together, each opened when it is first needed.

Every verb that spans rooms is a function of its own file beside this one, and takes a keeper first.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from telekeep import paths
from telekeep.clock import Clock, system_clock
from telekeep.errors import ConfigError
from telekeep.events import Events
from telekeep.session import network as networks
from telekeep.session.network import PRODUCTION, Network

if TYPE_CHECKING:
    from telekeep.lease.lease import Leases
    from telekeep.pace.ledger import Ledger
    from telekeep.settings import Settings
    from telekeep.vault.archive.sealing import Opened
    from telekeep.vault.keys.source import KeySource
    from telekeep.vault.vault import Vault


class Keeper:
    """One home on one network. Use `open`; a context manager that closes its files.

    ``home`` where things lie · ``network`` whom it speaks to · ``clock`` · ``events`` to listen to · ``leases`` of this
    machine · ``vault`` · ``ledger`` · ``settings``, read once.
    """

    def __init__(
        self, home: paths.Home, network: Network, clock: Clock, *, key_source: KeySource | None = None
    ) -> None:
        self.home = home
        self.network = network
        self.clock = clock
        self.events = Events()
        self._key_source = key_source
        self._vault: Vault | None = None

    @classmethod
    def open(
        cls,
        *,
        home: Path | str | None = None,
        network: Network | str | None = None,
        clock: Clock | None = None,
        key_source: KeySource | None = None,
    ) -> Self:
        """The keeper of ``home`` (else TELEKEEP_HOME, else the user's) on ``network`` (else TELEKEEP_NETWORK, else
        production): a name, a file or a Network. Touches no disk but that file.

        ``key_source``: where the master key is, None to find it as the vault recorded it. Raises ConfigError for a
        network that cannot be read. TELEKEEP_TEST_CLOCK is honoured on an emulator only.
        """
        if not isinstance(network, Network):
            network = networks.load(network or os.environ.get("TELEKEEP_NETWORK") or PRODUCTION.name)
        return cls(
            paths.home(Path(home).expanduser() if home else None),
            network,
            clock or system_clock(test_allowed=network.is_emulator),
            key_source=key_source,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.home.root)!r}, network={self.network.name!r})"

    @property
    def vault(self) -> Vault:
        """The vault of this home. Raises SessionNotFound if nothing was ever kept in it."""
        if self._vault is None:
            from telekeep.vault.vault import Vault

            self._vault = Vault.open(self.home.vault, clock=self.clock, marks=self.home.state, source=self._key_source)
        return self._vault

    @property
    def source(self) -> KeySource | None:
        """Where the master key is, None to find it as the vault recorded it."""
        return self._key_source

    def vault_from(self, archive: Opened) -> Vault:
        """The vault of this home, which is gone, made anew from ``archive``: it opens as it did, or with the key file
        if the archive has a passphrase of its own. Raises ConfigError if there is one.
        """
        from telekeep.vault.keys.file import KeyFile
        from telekeep.vault.vault import Vault

        paths.private_folder(self.home.root)
        source = self._key_source
        if source is None and archive.header.has_own_key:
            source = KeyFile(self.home.key_file)
        if source is not None and not archive.header.has_own_key and source.name != archive.header.opening.source:
            source = None
        self._vault = Vault.recreate(self.home.vault, archive, source=source, clock=self.clock, marks=self.home.state)
        return self._vault

    def vault_for_writing(self) -> Vault:
        """The vault of this home, made where there is none: sealed with the key source, by default the key file."""
        from telekeep.vault.vault import Vault

        if self._vault is None and not Vault.exists(self.home.vault):
            from telekeep.vault.keys.file import KeyFile

            paths.private_folder(self.home.root)
            source = self._key_source or KeyFile(self.home.key_file)
            try:
                self._vault = Vault.create(self.home.vault, source, clock=self.clock, marks=self.home.state)
            except ConfigError:
                if not Vault.exists(self.home.vault):
                    raise  # else another program has made it this moment: it is opened below
        return self.vault

    @cached_property
    def leases(self) -> Leases:
        from telekeep.lease.local import LocalLeases

        return LocalLeases(clock=self.clock)

    @cached_property
    def ledger(self) -> Ledger:
        """What Telegram has said about waiting, for all processes of this home."""
        from telekeep.pace.stores.local import LocalLedger

        return LocalLedger(self.home.root, clock=self.clock)

    @cached_property
    def patience(self) -> float:
        """Seconds of a flood wait that are waited out. Raises ConfigError."""
        from telekeep import settings

        return settings.read(config=None, only=("flood_seconds",)).flood_seconds

    @cached_property
    def settings(self) -> Settings:
        """What the user has set. Raises ConfigError for what contradicts itself."""
        from telekeep import settings

        return settings.read()

    def close(self) -> None:
        """Close the files. A later use opens them again."""
        vault, self._vault = self._vault, None
        if vault is not None:
            vault.close()
        if "ledger" in vars(self):
            self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
