"""A small MTProto client written by hand, to break rules with.

It does only what it is told, and shares no code of the protocol with the server: own framing, own key derivation, own
message ids. (TL objects of the API come from the schema.)
"""

from __future__ import annotations

import asyncio
import gzip
import os
import struct
import time
from dataclasses import dataclass
from hashlib import sha1, sha256
from typing import Any
from zlib import crc32

import cryptg
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from telekeep.mtproto.schema import LAYER, functions, read, types

RPC_RESULT, RPC_ERROR, CONTAINER, GZIP = 0xF35C6D01, 0x2144CA19, 0x73F1F8DC, 0x3072CFA1
ACK, PING, PONG = 0x62D6B459, 0x7ABE77EC, 0x347773C5
BAD_MESSAGE, BAD_SALT, NEW_SESSION = 0xA7EFF811, 0xEDAB447B, 0x9EC20908
SERVICE = {ACK, PONG, BAD_MESSAGE, BAD_SALT, NEW_SESSION}
PATIENCE = 30.0  # seconds: a test that waits longer has failed


class Refused(Exception):
    """An rpc_error: code and message."""

    @property
    def message(self) -> str:
        return str(self.args[1])


class Gone(Exception):
    """The server closed the connection."""


class TransportRefusal(Exception):
    """A transport error: -404 and the like."""


@dataclass(frozen=True)
class Received:
    """A message from the server, taken out of its container but not unzipped. ``outer``: the container's id."""

    id: int
    seqno: int
    body: bytes
    outer: int

    @property
    def constructor(self) -> int:
        return struct.unpack_from("<I", self.body)[0]


def unzipped(body: bytes) -> bytes:
    if struct.unpack_from("<I", body)[0] != GZIP:
        return body
    length, at = (body[4], 5) if body[4] < 254 else (int.from_bytes(body[5:8], "little"), 8)
    return gzip.decompress(body[at : at + length])


MARKS = {"abridged": b"\xef", "intermediate": b"\xee" * 4, "padded": b"\xdd" * 4, "full": b""}


class Wire:
    """A TCP connection that frames payloads. ``ip``: the loopback address to come from.

    ``transport``: one of `MARKS`, or "obfuscated " before one of them.
    """

    def __init__(self, host: str, port: int, *, transport: str = "abridged", ip: str | None = None) -> None:
        self.host, self.port, self.ip = host, port, ip
        self.obfuscated, self.transport = transport.startswith("obfuscated "), transport.rpartition(" ")[2]
        self._sent = 0
        self.mark = self._disguised() if self.obfuscated else MARKS[self.transport]

    def _disguised(self) -> bytes:
        """The 64 bytes an obfuscated stream begins with; from here on both directions are encrypted."""
        head = os.urandom(64)
        while head[0] == 0xEF or head[:4] in (b"\xee" * 4, b"\xdd" * 4) or not any(head[4:8]):
            head = os.urandom(64)
        back = head[55:7:-1]
        self._out = Cipher(algorithms.AES(head[8:40]), modes.CTR(head[40:56])).encryptor()
        self._in = Cipher(algorithms.AES(back[:32]), modes.CTR(back[32:])).decryptor()
        tag = (MARKS[self.transport] * 4)[:4]
        return head[:56] + self._out.update(head[:56] + tag + head[60:])[56:]

    async def open(self) -> None:
        local = (self.ip, 0) if self.ip else None
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port, local_addr=local)
        self.writer.write(self.mark)

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass

    def framed(self, payload: bytes) -> bytes:
        plain = self._framed(payload)
        return self._out.update(plain) if self.obfuscated else plain

    def _framed(self, payload: bytes) -> bytes:
        if self.transport == "abridged":
            words = len(payload) // 4
            return (bytes([words]) if words < 127 else b"\x7f" + words.to_bytes(3, "little")) + payload
        if self.transport == "intermediate":
            return struct.pack("<I", len(payload)) + payload
        if self.transport == "padded":
            noise = os.urandom(os.urandom(1)[0] & 15)
            return struct.pack("<I", len(payload) + len(noise)) + payload + noise
        head = struct.pack("<II", len(payload) + 12, self._sent) + payload
        self._sent += 1
        return head + struct.pack("<I", crc32(head))

    async def write(self, payload: bytes) -> None:
        self.writer.write(self.framed(payload))
        await self.writer.drain()

    async def read(self) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._read()
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Gone from None

    async def _read(self) -> bytes:
        take = self._take
        if self.transport == "abridged":
            words = (await take(1))[0]
            if words == 127:
                words = int.from_bytes(await take(3), "little")
            return await take(words * 4)
        size = struct.unpack("<I", await take(4))[0]
        if self.transport == "intermediate":
            return await take(size)
        if self.transport == "padded":
            padded = await take(size)
            return padded[: size - size % 4]
        rest = await take(size - 4)
        assert crc32(struct.pack("<I", size) + rest[:-4]) == struct.unpack("<I", rest[-4:])[0]
        return rest[4:-4]

    async def _take(self, size: int) -> bytes:
        data = await self.reader.readexactly(size)
        return self._in.update(data) if self.obfuscated else data


class RawClient:
    """One MTProto session of one key on one connection."""

    def __init__(
        self,
        wire: Wire,
        key: bytes,
        *,
        session_id: int | None = None,
        ahead: float = 0.0,
    ) -> None:
        self.wire, self.key = wire, key
        self.key_id = sha1(key).digest()[-8:]
        self.session_id = session_id if session_id is not None else struct.unpack("<q", os.urandom(8))[0]
        self.ahead = ahead  # seconds the client's clock is wrong by
        self.salt = 0
        self.acks = True
        self.inbox: list[Received] = []
        self.seen: list[Received] = []
        self._last_id = self._sequence = 0
        self._to_ack: list[int] = []

    @classmethod
    async def open(
        cls, where: Any, key: bytes | Any, *, transport: str = "abridged", ip: str | None = None, **more: Any
    ):
        """Connect to ``where`` (anything with host and port) with a key (bytes, or a Session)."""
        wire = Wire(where.host, where.port, transport=transport, ip=ip)
        await wire.open()
        return cls(wire, key if isinstance(key, bytes) else key.auth_key.reveal(), **more)

    @classmethod
    async def ready(cls, session: Any, where: Any = None, **more: Any) -> RawClient:
        """Connected, salt known, initConnection done."""
        client = await cls.open(where or session.dc, session, **more)
        await client.call(functions.help.GetConfigRequest(), init=True)
        return client

    async def close(self) -> None:
        await self.wire.close()

    async def __aenter__(self) -> RawClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # ---- out

    def next_id(self) -> int:
        fresh = int((time.time() + self.ahead) * 2**32) & ~3
        self._last_id = max(fresh, self._last_id + 4)
        return self._last_id

    def next_seqno(self, *, content: bool) -> int:
        self._sequence += content
        return self._sequence * 2 - 1 if content else self._sequence * 2

    def message(
        self, body: Any, *, content: bool = True, message_id: int | None = None, seqno: int | None = None
    ) -> tuple[int, bytes]:
        """The id of a message, and the message with its head."""
        packed = body if isinstance(body, bytes) else bytes(body)
        message_id = self.next_id() if message_id is None else message_id
        seqno = self.next_seqno(content=content) if seqno is None else seqno
        return message_id, struct.pack("<qii", message_id, seqno, len(packed)) + packed

    def container(self, *messages: bytes, **head: Any) -> tuple[int, bytes]:
        body = struct.pack("<Ii", CONTAINER, len(messages)) + b"".join(messages)
        return self.message(body, content=False, **head)

    def encrypted(self, message: bytes, *, padding: int | None = None, salt: int | None = None) -> bytes:
        data = struct.pack("<qq", self.salt if salt is None else salt, self.session_id) + message
        data += os.urandom(-(len(data) + 12) % 16 + 12 if padding is None else padding)
        message_key = sha256(self.key[88:120] + data).digest()[8:24]
        return self.key_id + message_key + cryptg.encrypt_ige(data, *self._aes(message_key, 0))

    async def send(self, message: bytes, **how: Any) -> None:
        await self.wire.write(self.encrypted(message, **how))

    async def say(self, body: Any, **head: Any) -> int:
        """Send one message, and return its id."""
        message_id, message = self.message(body, **head)
        await self.send(message)
        return message_id

    async def ack(self, *message_ids: int) -> None:
        await self.say(types.MsgsAck(list(message_ids)), content=False)

    def _aes(self, message_key: bytes, x: int) -> tuple[bytes, bytes]:
        a = sha256(message_key + self.key[x : x + 36]).digest()
        b = sha256(self.key[40 + x : 76 + x] + message_key).digest()
        return a[:8] + b[8:24] + a[24:32], b[:8] + a[8:24] + b[24:32]

    # ---- in

    async def frame(self) -> list[Received]:
        """The messages of the next frame. Raises Gone, TransportRefusal."""
        payload = await self.wire.read()
        if len(payload) == 4:
            raise TransportRefusal(struct.unpack("<i", payload)[0])
        assert payload[:8] == self.key_id
        data = cryptg.decrypt_ige(payload[24:], *self._aes(payload[8:24], 8))
        assert sha256(self.key[96:128] + data).digest()[8:24] == payload[8:24]
        _salt, session, message_id, seqno, length = struct.unpack_from("<qqqii", data)
        assert session == self.session_id
        assert 12 <= len(data) - 32 - length <= 1024
        body = data[32 : 32 + length]
        if struct.unpack_from("<I", body)[0] != CONTAINER:
            found = [Received(message_id, seqno, body, message_id)]
        else:
            found, at = [], 8
            for _ in range(struct.unpack_from("<i", body, 4)[0]):
                inner, inner_seqno, size = struct.unpack_from("<qii", body, at)
                found.append(Received(inner, inner_seqno, body[at + 16 : at + 16 + size], message_id))
                at += 16 + size
            assert at == len(body)
        self.seen += found
        for each in found:
            assert each.id & 1, "a server's message ids are odd"
            if each.constructor in (BAD_SALT, NEW_SESSION):
                self.salt = struct.unpack("<q", each.body[-8:])[0]
            if each.seqno & 1:
                self._to_ack.append(each.id)
        if self.acks and self._to_ack:
            await self.ack(*self._to_ack)
            self._to_ack.clear()
        return found

    async def expect(self, *constructors: int, answers: int | None = None) -> Received:
        """The next message of one of these kinds (``answers``: the rpc_result for this message); others wait."""

        def fits(each: Received) -> bool:
            if each.constructor not in constructors:
                return False
            return answers is None or struct.unpack_from("<q", each.body, 4)[0] == answers

        async with asyncio.timeout(PATIENCE):
            while True:
                for each in self.inbox:
                    if fits(each):
                        self.inbox.remove(each)
                        return each
                self.inbox += await self.frame()

    async def result(self, message_id: int) -> bytes:
        """The unzipped result of a request. Raises Refused."""
        answer = await self.expect(RPC_RESULT, answers=message_id)
        body = unzipped(answer.body[12:])
        if struct.unpack_from("<I", body)[0] == RPC_ERROR:
            error = read(body)
            raise Refused(error.error_code, error.error_message)
        return body

    async def call(self, request: Any, *, init: bool = False) -> Any:
        """Send a request as a well-behaved client would (a new salt is taken and the request sent again)."""
        wrapped = initialised(request) if init else request
        message_id = await self.say(wrapped)
        answer = await self.expect(RPC_RESULT, BAD_SALT, BAD_MESSAGE)
        if answer.constructor == BAD_SALT:
            message_id = await self.say(wrapped)
        else:
            self.inbox.insert(0, answer)
        body = await self.result(message_id)
        return read(body)

    async def learn_salt(self) -> None:
        """Ping with a wrong salt, as every client does that has none yet."""
        await self.say(struct.pack("<Iq", PING, 7), content=False)
        await self.expect(BAD_SALT)

    async def ping(self) -> None:
        """Send a ping and wait for its pong."""
        await self.say(struct.pack("<Iq", PING, 7), content=False)
        await self.expect(PONG)

    async def is_closed(self) -> bool:
        """Wait until the server closes the connection; False if it does not."""
        try:
            while True:
                await self.frame()
        except (Gone, TransportRefusal):
            return True
        except TimeoutError:
            return False


def initialised(request: Any, *, layer: int = LAYER, **fields: Any) -> Any:
    """A request inside initConnection inside invokeWithLayer."""
    said = {
        "api_id": 1,
        "device_model": "hand-made",
        "system_version": "1",
        "app_version": "1",
        "system_lang_code": "en",
        "lang_pack": "",
        "lang_code": "en",
    } | fields
    return functions.InvokeWithLayerRequest(layer=layer, query=functions.InitConnectionRequest(query=request, **said))


def notice(received: Received) -> tuple[int, int, int]:
    """Message id, seqno and code of a bad_msg_notification or bad_server_salt."""
    return struct.unpack_from("<qii", received.body, 4)
