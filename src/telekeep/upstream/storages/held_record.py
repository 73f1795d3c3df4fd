"""A kept session, held by this process from `open` to `close`, for a client that is not ours."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from telekeep import paths
from telekeep.clock import system_clock
from telekeep.errors import ConfigError, NeedsLogin
from telekeep.events import Events
from telekeep.lease.local import LocalLeases
from telekeep.pace.stores.local import LocalLedger
from telekeep.session import network as networks
from telekeep.session.network import PRODUCTION, Network
from telekeep.upstream import circuit
from telekeep.upstream.holding import Terms, take
from telekeep.upstream.record import Kept, Record
from telekeep.vault.vault import Vault

_T = TypeVar("_T")


class HeldRecord:
    """The session kept as ``name``: nobody else may have it while this is open.

    ``home``, ``network``: as in `telekeep.client`.
    """

    def __init__(self, name: str, *, home: Path | str | None = None, network: Network | str | None = None) -> None:
        self.network = networks.load(network or PRODUCTION.name) if not isinstance(network, Network) else network
        self._name = name
        self._home = paths.home(Path(home).expanduser() if home else None)
        self._clock = system_clock(test_allowed=self.network.is_emulator)
        self._vault: Vault | None = None
        self._key_id: int | None = None
        self.record: Record | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r}, {'open' if self.record else 'closed'})"

    def open(self) -> Record:
        """Take the lease and read the session under it; nothing happens if it is held already.

        Raises SessionBusy if another has it, SessionNotFound and what else the vault says, an error of its own for a
        key that Telegram has ended, ConfigError for another network, NeedsLogin if the kept key has become another one.
        """
        if self.record is not None:
            return self.record
        vault = self._vault = Vault.open(self._home.vault, clock=self._clock, marks=self._home.state)
        try:
            self.record = self._opened(vault)
        except BaseException:
            self.close()
            raise
        return self.record

    def _opened(self, vault: Vault) -> Record:
        kept = Kept.read(vault, self._name)
        if kept.session.network != self.network.name:
            raise ConfigError(
                f"{self._name!r} belongs to the network {kept.session.network!r}, not to {self.network.name!r}.",
                remedy="Give network=NAME or FILE.",
            )
        if vault.moved:
            raise ConfigError(
                "This vault was on another machine before. If its keys are still used there, Telegram ends them all.",
                remedy="When nothing there uses them any more, run: telekeep vault accept --move",
            )
        leases = LocalLeases(clock=self._clock)
        ledger = LocalLedger(self._home.root, clock=self._clock)
        terms = Terms(self._name, vault, leases, self.network, self._clock, ledger, timeout=0.0, purpose="a storage")
        try:
            circuit.check(terms, kept.session.auth_key.id)
            lease, kept = _at_once(take(terms, kept))
        finally:
            ledger.close()
        record = Record(self._name, kept, vault=vault, lease=lease, clock=self._clock, events=Events())
        self._lease = lease
        key_id = kept.session.auth_key.id
        if self._key_id not in (None, key_id):
            lease.release()
            raise NeedsLogin(f"{self._name!r} has another key now.", remedy="Make a new client: it reads the new key.")
        self._key_id = key_id
        return record

    def close(self) -> None:
        """Write what is not on disk yet, and give the lease back. It may be opened again."""
        record, self.record = self.record, None
        vault, self._vault = self._vault, None
        try:
            if record is not None:
                record.finish()
        finally:
            if record is not None:
                self._lease.release()
            if vault is not None:
                vault.close()

    def set_aside(self) -> None:
        """The login was ended on purpose: the record is set aside, not destroyed."""
        self.open().set_aside()
        self.record = None
        self._lease.release()
        self.close()


def _at_once(waiting: Coroutine[Any, Any, _T]) -> _T:
    """What ``waiting`` returns, which waits for nothing as it was given no time to."""
    try:
        waiting.send(None)
    except StopIteration as done:
        result: _T = done.value
        return result
    waiting.close()
    raise RuntimeError("it waits, although it was told not to")
