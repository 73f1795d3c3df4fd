"""The master key as a daemon has it: a vault's own source, which can be shut, and a passphrase's key kept for a time.

A vault sealed with a passphrase has nobody to ask in a daemon. So `telekeep unlock` hands the passphrase over once, and
the key made from it stays in this process's memory until its lifetime ends or somebody locks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from telekeep.errors import SessionSealed
from telekeep.vault.keys import PASSPHRASE, source_for
from telekeep.vault.keys.source import KeySource, Made, Parameters

if TYPE_CHECKING:
    from telekeep.clock import Clock
    from telekeep.secret import Secret

REMEDY = "Run `telekeep unlock`."


class HeldKey:
    """A key source for one vault. ``recorded`` tells which kind of source the vault has at this moment, ``first`` is
    the one for a vault that is yet to be made.
    """

    def __init__(self, recorded: Callable[[], str | None], first: KeySource, clock: Clock) -> None:
        self._recorded = recorded
        self._first = first
        self._clock = clock
        self._keys: dict[str, list[Secret]] = {}  # by vault id
        self._until: float | None = None  # boot seconds
        self._shut = False

    @property
    def name(self) -> str:
        """The kind of source that the vault has; it may have been given another one since."""
        return self._recorded() or self._first.name

    def make(self, vault_id: str, *, fresh: bool) -> Made:
        """A master key for a new vault, from the first source."""
        return self._first.make(vault_id, fresh=fresh)

    def masters(self, vault_id: str, parameters: Parameters) -> Iterable[Secret]:
        """The keys for this vault. Raises SessionSealed while it is locked."""
        if self.is_over:
            self.forget()
        kind = self.name
        if self._shut:
            raise SessionSealed("The daemon is locked.", remedy=REMEDY)
        told = self._keys.get(vault_id, []) if kind == PASSPHRASE else []
        if kind == PASSPHRASE and not _named_in_file():
            if not told:
                raise SessionSealed(
                    "The vault is sealed with a passphrase, and the daemon was not told it.", remedy=REMEDY
                )
            return told
        return chain(told, _asked_last(source_for(kind, parameters), vault_id, parameters))

    def retire(self, vault_id: str, parameters: Parameters) -> None:
        """A vault no longer needs what ``parameters`` point to."""
        source_for(self.name, parameters).retire(vault_id, parameters)

    # ---- its lifetime

    def hold(self, vault_id: str, keys: list[Secret], *, seconds: float | None) -> None:
        """Keep ``keys`` for that vault from now on, for ``seconds`` or, if None, until `shut`."""
        self._keys = {vault_id: keys}
        self.open(seconds=seconds)

    def expect(self, vault_id: str, key: Secret) -> bool:
        """``key`` is about to be in force for that vault, whose present one stays until then. False if this is shut:
        then nobody may open the vault here, with whatever key.
        """
        if self.is_locked or self.is_over:
            return False
        self._keys = {vault_id: [key, *self._keys.get(vault_id, [])[:1]]}
        return True

    def open(self, *, seconds: float | None) -> None:
        """Serve again, for ``seconds`` or, if None, until `shut`."""
        self._shut = False
        self._until = None if seconds is None else self._clock.boot() + seconds

    def forget(self) -> None:
        """Forget what was held, and serve nothing until it is opened again."""
        self._keys, self._until, self._shut = {}, None, True

    @property
    def left(self) -> float | None:
        """Seconds until the lifetime ends; None if it has no end."""
        return None if self._until is None else max(0.0, self._until - self._clock.boot())

    @property
    def is_over(self) -> bool:
        """Whether the lifetime has ended and nobody has forgotten the key yet."""
        return self.left == 0.0

    @property
    def is_locked(self) -> bool:
        """Whether it gives no key: it was shut, or nobody told it the passphrase."""
        return self._shut or (self.name == PASSPHRASE and not self._keys and not _named_in_file())

    @property
    def is_in_memory(self) -> bool:
        """Whether a key made from a passphrase is held: it would be gone with this process."""
        return bool(self._keys) and self.name == PASSPHRASE


def _asked_last(source: KeySource, vault_id: str, parameters: Parameters) -> Iterator[Secret]:
    """The keys of ``source``, which is asked when they are needed."""
    yield from source.masters(vault_id, parameters)


def _named_in_file() -> bool:
    return bool(os.environ.get("TELEKEEP_PASSPHRASE_FILE"))
