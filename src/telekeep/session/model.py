"""The session: what must be kept to speak to Telegram as one account.

One model in the middle; formats at the rim (`telekeep.session.formats`). Immutable: a change is a new value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha1

from telekeep.secret import Secret

KEY_BYTES = 256
MOST_TOKENS = 20  # login tokens that are kept; a client may offer so many (core.telegram.org/api/auth)


class AuthKey(Secret):
    """The 2048-bit authorization key that a client and Telegram agreed on (core.telegram.org/mtproto/auth_key)."""

    __slots__ = ()

    def __init__(self, value: bytes) -> None:
        if len(value) != KEY_BYTES:
            raise ValueError(f"an auth key has {KEY_BYTES} bytes, not {len(value)}")
        if not any(value):
            raise ValueError("an auth key of zeros is no key")
        super().__init__(value)

    @property
    def id(self) -> int:
        """The auth key id: the lower 64 bits of the key's SHA-1, as Telegram names the key on the wire."""
        return int.from_bytes(sha1(self.reveal()).digest()[-8:], "little")


@dataclass(frozen=True, slots=True)
class DataCenter:
    """A Telegram data center and the address it was reached at."""

    id: int
    host: str
    port: int = 443


@dataclass(frozen=True, slots=True)
class Application:
    """The api id and hash that an application got from my.telegram.org."""

    api_id: int
    api_hash: Secret


@dataclass(frozen=True, slots=True)
class User:
    """Whom the session is logged in as."""

    id: int
    is_bot: bool | None = None
    username: str | None = None


@dataclass(frozen=True, slots=True)
class UpdateState:
    """How far updates were seen (core.telegram.org/api/updates). ``date`` in Unix seconds.

    ``pts``, ``date`` and ``channels`` (channel id → pts) belong to the account; ``qts`` and ``seq`` to this
    authorization.
    """

    pts: int
    qts: int
    date: int
    seq: int
    channels: Mapping[int, int] = field(default_factory=dict)


class PeerKind(StrEnum):
    USER = "user"
    CHAT = "chat"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Peer:
    """A user, chat or channel the session has met. ``access_hash`` belongs to this authorization alone."""

    kind: PeerKind
    id: int
    access_hash: int | None = None
    username: str | None = None
    phone: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """Home data center, auth key, and whatever else is known.

    ``None`` means unknown, never zero. ``network`` is the name of the network (`telekeep.session.network`) the key
    belongs to: a key of one network means nothing on another. ``login_tokens``: what Telegram gave for a later login of
    this account without a code, newest first (core.telegram.org/api/auth#future-auth-tokens); each serves once.
    ``other_keys``: keys of other data centers, by number, that the same login made to fetch files there. They are kept
    and passed on, and nothing of telekeep speaks with them: they end with this authorization, and a new one has none.
    """

    dc: DataCenter
    auth_key: AuthKey
    user: User | None = None
    state: UpdateState | None = None
    peers: tuple[Peer, ...] = ()
    application: Application | None = None
    network: str = "production"
    login_tokens: tuple[Secret, ...] = ()
    other_keys: Mapping[int, AuthKey] = field(default_factory=dict)
