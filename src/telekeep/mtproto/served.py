"""What stands behind the connections of a server: the emulator, or the gateway."""

from __future__ import annotations

from typing import Any, Protocol

from telekeep.mtproto.conversation import Conversation
from telekeep.mtproto.keyring import KnownKey
from telekeep.mtproto.rsa import ServerKey
from telekeep.mtproto.salts import Salts


class Served(Protocol):
    """What one listening address serves. ``line`` is a `connection.Connection` throughout."""

    server_key: ServerKey
    dc_id: int

    def now(self) -> float:
        """Wall seconds of the wire: what message ids and salts are measured by."""

    def opened(self, line: Any) -> None: ...

    def find(self, key_id: int) -> KnownKey | None:
        """The key of this id, None for one that is not known here (the client is told -404)."""

    def taken(self, key: bytes) -> bool:
        """Whether a freshly computed key must not be used because its id is in use."""

    def agreed(self, key: bytes, salts: Salts) -> None:
        """A client has made a new key."""

    def used(self, line: Any, key: KnownKey, conversation: Conversation) -> None:
        """A connection has begun to carry this conversation: its first encrypted message was taken."""

    def request(self, line: Any, key: KnownKey, conversation: Conversation, message_id: int, body: bytes) -> None:
        """A request came. It is answered, now or later, by `Conversation.answer` with the same ``message_id``."""

    def drained(self, line: Any) -> None:
        """A connection that was full takes more again (`connection.Connection.is_full`)."""

    def closed(self, line: Any) -> None: ...
