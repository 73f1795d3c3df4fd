"""The smallest thing that can stand behind connections: it answers every request with boolTrue, or keeps it waiting."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from telekeep.mtproto.connection import Connection
from telekeep.mtproto.conversation import Conversation
from telekeep.mtproto.keyring import KnownKey
from telekeep.mtproto.rsa import ServerKey
from telekeep.mtproto.salts import Salts
from telekeep.mtproto.schema import pack
from telekeep.session.model import DataCenter


@cache
def server_key() -> ServerKey:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    secret, public = private.private_numbers(), private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
    n, e = public.public_numbers().n, public.public_numbers().e
    return ServerKey(n=n, e=e, d=secret.d, p=secret.p, q=secret.q, pem=pem)


class Yes:
    """A `telekeep.mtproto.served.Served` that says yes."""

    def __init__(self) -> None:
        self.server_key = server_key()
        self.dc_id = 2
        self.ahead = 0.0  # seconds its clock is ahead
        self.keys: dict[int, KnownKey] = {}
        self.lines: list[Connection] = []
        self.asked: list[tuple[Conversation, int, bytes]] = []
        self.carried: list[int] = []
        self.refuse_key: Callable[[bytes], bool] = lambda key: False
        self.answer: Callable[[bytes], bytes | None] = lambda body: pack(True)

    def now(self) -> float:
        return time.time() + self.ahead

    def opened(self, line: Any) -> None:
        self.lines.append(line)

    def drained(self, line) -> None: ...

    def closed(self, line: Any) -> None:
        self.lines.remove(line)

    def find(self, key_id: int) -> KnownKey | None:
        return self.keys.get(key_id)

    def taken(self, key: bytes) -> bool:
        return self.refuse_key(key)

    def agreed(self, key: bytes, salts: Salts) -> None:
        self.know(key, salts)

    def used(self, line: Any, key: KnownKey, conversation: Conversation) -> None:
        self.carried.append(conversation.id)

    def request(self, line: Any, key: KnownKey, conversation: Conversation, message_id: int, body: bytes) -> None:
        self.asked.append((conversation, message_id, body))
        answer = self.answer(body)
        if answer is not None:
            conversation.answer(message_id, answer)

    def know(self, key: bytes, salts: Salts | None = None) -> KnownKey:
        known = KnownKey(key, salts=salts)
        self.keys[known.key.id] = known
        return known

    def new_key(self) -> bytes:
        key = b"\x01" + os.urandom(255)
        self.know(key)
        return key

    async def all_closed(self) -> None:
        """Until every connection is gone."""
        await asyncio.gather(*(line.wait_closed() for line in self.lines))

    @property
    def bodies(self) -> list[bytes]:
        return [body for _, _, body in self.asked]


class Running:
    """A server that listens. ``address``: where."""

    def __init__(self, served: Yes, address: DataCenter) -> None:
        self.served, self.address = served, address


@asynccontextmanager
async def running() -> AsyncIterator[Running]:
    served = Yes()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(served), "127.0.0.1", 0)
    try:
        yield Running(served, DataCenter(2, "127.0.0.1", server.sockets[0].getsockname()[1]))
    finally:
        server.close()
        lines = list(served.lines)
        for line in lines:
            line.close("the test is over", abort=True)
        await asyncio.gather(*(line.wait_closed() for line in lines))
        await server.wait_closed()
