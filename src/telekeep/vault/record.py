"""What a record shows without a key: its name, the header of each generation, and its entry in the list.

The header lies unsealed so that `telekeep status` needs no key, and is bound to the sealed payload: a changed header is
seen when the record is opened. A checksum over it lets the list tell a damaged line from a good one without the key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

from telekeep import errors
from telekeep.errors import ConfigError, TelegramAuthError

KEPT = "kept"
REMOVED = "removed"
DAMAGED = "damaged"  # in the list only: the header does not match its checksum
ROLLED_BACK = "rolled-back"  # in the list only: older than its high-water mark
QUARANTINED = "quarantined"  # shown only: Telegram has declared its key dead
MISSING = "missing"  # in the list only: a high-water mark knows it, the vault does not

_NAME = re.compile(r"[A-Za-z0-9_@+][A-Za-z0-9_@+.-]{0,63}")


def check_name(name: str) -> str:
    """Return ``name`` if a session may be called so; the one place that decides it.

    1 to 64 of ``A-Z a-z 0-9 . _ - @ +``, and neither ``.`` nor ``-`` first: safe as a file name and as an argument.
    Raises ConfigError.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name[:80]!r} is no name for a session.",
            remedy="Use 1 to 64 letters, digits or . _ - @ +, and neither a dot nor a dash first.",
        )
    return name


class Generation(NamedTuple):
    """One stored version of a record: its unsealed header. Times in wall-clock seconds.

    ``lease`` is the lease name of its auth key, ``fence`` the fencing token it was written under, ``size`` the bytes of
    its payload, ``state`` "kept", "removed", or "damaged" when the line does not match its checksum.
    """

    name: str
    generation: int
    lease: str
    network: str
    dc_id: int
    fence: int
    created_at: float
    saved_at: float
    state: str
    size: int

    def bound(self) -> bytes:
        """The header as bytes, the same for no two headers: what the seal is bound to."""
        name, lease, state = self.name, self.lease, self.state
        return (
            f"{len(name)}:{name},{self.generation},{len(lease)}:{lease},{self.dc_id},{self.fence},{self.created_at!r},"
            f"{self.saved_at!r},{len(state)}:{state},{self.size},{self.network}"
        ).encode("utf-8", "surrogatepass")

    def checksum(self) -> int:
        """Tells accidents, not attacks, and needs no key: any damage within four bytes in a row is seen."""
        return crc32(self.bound())


class Quarantine(NamedTuple):
    """Why nothing is sent with a key. ``error``: the class of the error (`telekeep.errors`), ``at`` wall-clock seconds.

    ``checked``: whether Telegram has said so twice; if not, the next to connect asks once more. ``evidence``: what was
    seen, in words, a line each. ``asked_again``: a person had it asked about since, and Telegram stayed with it.
    """

    error: str
    at: float
    checked: bool
    evidence: str = ""
    asked_again: bool = False

    @property
    def ending(self) -> type[TelegramAuthError]:
        """The class of the error; AuthKeyRevoked for a name that ends no login."""
        found = getattr(errors, self.error, None)
        return found if isinstance(found, type) and issubclass(found, TelegramAuthError) else errors.AuthKeyRevoked


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it is listed: its newest generation and when it was last used. Needs no key.

    ``fence`` is the newest fencing token the vault has seen for this auth key, ``last_used_at`` the last use that
    Telegram accepted (None: unknown). ``state`` is "kept" or "removed"; in a list also "damaged", "rolled-back" or
    "missing", whose other fields are not to be relied on. ``quarantine``: why nothing is sent with its key, if that is
    so.
    """

    name: str
    lease: str
    network: str
    dc_id: int
    generation: int
    fence: int
    created_at: float
    saved_at: float
    last_used_at: float | None
    state: str
    size: int
    quarantine: Quarantine | None = None


class Checked(NamedTuple):
    """What came of asking Telegram about a session, once. Times in seconds of the wall and the boot clock.

    ``outcome``: "ok", or what stood in the way ("needs_login", "network", "rate_limited", …); ``error``: its class.
    """

    at: float
    outcome: str
    error: str | None = None
    boot: float = 0.0
    boot_id: str = ""


class Health(NamedTuple):
    """What the checks of a session come to: the ``last`` one, when one was well, when the next is due (None: never).

    ``counted`` and ``good``: checks of the last seven days that say something about the session, and those that were
    well. ``ttl_days``: after how many days without use Telegram ends the login, None if that was never asked.
    """

    last: Checked
    last_ok: float | None
    counted: int
    good: int
    next_at: float | None
    ttl_days: int | None = None


def entry_of(header: Generation, *, fence: int, last_used_at: float | None, state: str | None = None) -> Entry:
    """The entry whose newest generation has this ``header``."""
    return Entry(
        header.name,
        header.lease,
        header.network,
        header.dc_id,
        header.generation,
        max(fence, header.fence),
        header.created_at,
        header.saved_at,
        last_used_at,
        state or header.state,
        header.size,
    )


def unreadable_entry(name: str, state: str, *, lease: str = "", generation: int = 0, fence: int = 0) -> Entry:
    """The entry of a record of which no more than this is known."""
    return Entry(name, lease, "", 0, generation, fence, 0.0, 0.0, None, state, 0)
