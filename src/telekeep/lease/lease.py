"""A lease: the exclusive right to connect to Telegram with one key, on one machine.

It is named after the auth key, not after a file: a copy of the session as a file, a string or a vault record, under
whatever path, home or spelling, is the same lease.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from telekeep.lease.holder import Holder


def lease_name(auth_key_id: int) -> str:
    """The name of the lease on a key: 32 hex digits, safe as a file name, from which the id cannot be read back.

    ``auth_key_id``: Telegram's 64-bit name of the key. Signed (as TL's ``long`` arrives) and unsigned spellings of one
    id are one name. Raises ValueError for what is no 64-bit number.
    """
    if not -(1 << 63) <= auth_key_id < 1 << 64:
        raise ValueError("an auth key id has 64 bits")
    from hashlib import sha256  # here: `telekeep status` has the names already

    unsigned = auth_key_id & ((1 << 64) - 1)
    return sha256(b"telekeep lease " + unsigned.to_bytes(8, "little")).hexdigest()[:32]


class Lost(StrEnum):
    """Why a lease is no longer ours."""

    RELEASED = "it was given back"
    FORKED = "this is a child process of its holder"
    REPLACED = "its file was deleted or replaced"
    SUPERSEDED = "a newer holder has signed its file"


class Lease(Protocol):
    """A lease that was taken. Once lost it stays lost: ``lost`` says why, and never becomes None again."""

    @property
    def auth_key_id(self) -> int: ...

    @property
    def fence(self) -> int:
        """The fencing token: greater than that of every earlier holder of this key."""

    @property
    def holder(self) -> Holder:
        """Ourselves, as others see us."""

    @property
    def lost(self) -> str | None:
        """None while the last check found it ours, else the reason (one of `Lost`). Asks nobody; see `check`."""

    def check(self) -> None:
        """Make sure that the lease is still ours, right now. Called before every send: a few microseconds.

        Raises LeaseLost with the reason; from then on it always does.
        """

    def sync(self) -> None:
        """Put the fence on disk, where that was not done before. Raises StorageUnavailable."""

    def release(self) -> None:
        """Give it back. Any number of times, from any thread; in a forked child it does nothing to the parent's."""


class Leases(Protocol):
    """Where leases are taken."""

    def try_acquire(
        self, auth_key_id: int, *, floor: int = 0, purpose: str | None = None, durable: bool = True
    ) -> Lease:
        """Take the lease now, or raise SessionBusy with whoever has it. Never waits; see `telekeep.lease.renewal`.

        ``floor``: the highest fence the caller knows of (the vault's); the new one is greater. ``purpose``: a word or
        two that others are shown. The fence is on disk before this returns, unless not ``durable``: then the caller
        puts it on disk before anything is sent, in the vault or by `Lease.sync`. One process gets a key once: a second
        call, from whichever thread, is refused like anyone else's.
        """

    def holder(self, name: str) -> Holder | None:
        """Who holds the lease called ``name`` (see `lease_name`), or None if it is free. Disturbs nobody."""
