"""One address of a gateway: connections come in here, and their requests go to the owner's desk."""

from __future__ import annotations

import time
from ipaddress import IPv4Address
from typing import Any, Protocol

from telekeep.gateway.register import GatewayKey, Register
from telekeep.mtproto.connection import Connection
from telekeep.mtproto.conversation import Conversation
from telekeep.mtproto.keyring import KnownKey
from telekeep.mtproto.rsa import ServerKey
from telekeep.mtproto.salts import Salts
from telekeep.session.network import Address


class Lines(Protocol):
    """Who is told of connections."""

    def opened(self, line: Connection) -> None: ...
    def closed(self, line: Connection) -> None: ...
    def drained(self, line: Connection) -> None: ...
    def used(self, front: Front, line: Connection, key: GatewayKey, conversation: Conversation) -> None: ...


class Desk(Protocol):
    """Who is told of requests."""

    def request(
        self, dc_id: int, line: Connection, key: GatewayKey, conversation: Conversation, message_id: int, body: bytes
    ) -> None: ...


class Front:
    """Implements `telekeep.mtproto.served.Served` for one address. ``addresses``: all that are told of here."""

    def __init__(
        self,
        register: Register,
        lines: Lines,
        desk: Desk,
        address: Address,
        addresses: tuple[Address, ...],
        server_key: ServerKey,
    ) -> None:
        self.server_key = server_key
        self.dc_id = address.dc_id
        self.is_media = address.media
        self.addresses = addresses
        self._host = None if IPv4Address(address.host).is_loopback else address.host
        self._register = register
        self._lines = lines
        self._desk = desk

    def now(self) -> float:
        return time.time()  # of the wire: both ends read it off the same machine

    def opened(self, line: Connection) -> None:
        self._lines.opened(line)

    def closed(self, line: Connection) -> None:
        self._lines.closed(line)

    def drained(self, line: Connection) -> None:
        self._lines.drained(line)

    def find(self, key_id: int) -> KnownKey | None:
        key = self._register.find(key_id)
        if key is not None and key.loan is not None and key.loan.host != self._host:
            return None  # a loan is good at the addresses it was made for, and not at others
        return key

    def taken(self, key: bytes) -> bool:
        return self._register.taken(key)

    def agreed(self, key: bytes, salts: Salts) -> None:
        self._register.agreed(key, salts)

    def used(self, line: Connection, key: Any, conversation: Conversation) -> None:
        self._lines.used(self, line, key, conversation)

    def request(self, line: Connection, key: Any, conversation: Conversation, message_id: int, body: bytes) -> None:
        self._desk.request(self.dc_id, line, key, conversation, message_id, body)
