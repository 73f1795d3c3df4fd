"""What every source of a master key must do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from telekeep.secret import Secret

Parameters = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Made:
    """A master key that is safe at its place, and what the vault must remember to find it again (nothing secret)."""

    material: Secret
    parameters: Parameters


class KeySource(Protocol):
    """A place that master keys come from. One source may serve several vaults.

    ``telekeep.testing.contracts.vault.check_key_source`` tests an implementation.
    """

    @property
    def name(self) -> str:
        """The kind of source; the vault records it."""

    def make(self, vault_id: str, *, fresh: bool) -> Made:
        """A master key for a new vault; ``fresh``: one that was never in force before, for a vault that changes keys.

        What was there stays there: until the vault has committed, the key in force is the old one. The new key must
        survive a crash once this returns. Raises ConfigError or StorageUnavailable, and has changed nothing then.
        """

    def masters(self, vault_id: str, parameters: Parameters) -> Iterable[Secret]:
        """The keys it has for this vault, the likeliest first. Raises SessionSealed if it has none."""

    def retire(self, vault_id: str, parameters: Parameters) -> None:
        """Called when the vault no longer needs what ``parameters`` point to. Must not fail."""
