"""The least that can answer a stock client: decrypt each frame, encrypt one fixed rpc_result for every request in it.

No rules, no acknowledgements, no salts, nothing read but message ids and constructors. Run it as ``python
_bare_server.py KEY CONSTRUCTOR:RESULT …`` (key and results in hex, the constructors of requests in decimal): a client
asks a few other things while it connects. It prints its port.
"""

from __future__ import annotations

import asyncio
import struct
import sys
import time

from telekeep.mtproto.cipher import Cipher

CONTAINER, RPC_RESULT = 0x73F1F8DC, 0xF35C6D01
INVOKE_WITH_LAYER = 0xDA9B0D0D  # the first request, with help.getConfig inside
GET_CONFIG = 0xC4F9186B


class Bare(asyncio.Protocol):
    def __init__(self, key: bytes, results: dict[int, bytes]) -> None:
        self.cipher, self.results = Cipher(key), results
        self.data = b""
        self.last = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        if self.data[:1] == b"\xef":
            self.data = self.data[1:]
        while len(self.data) > 3:
            start, size = 1, self.data[0] * 4
            if size == 127 * 4:
                start, size = 4, int.from_bytes(self.data[1:4], "little") * 4
            if len(self.data) < start + size:
                return
            self.frame(self.data[start : start + size])
            self.data = self.data[start + size :]

    def frame(self, frame: bytes) -> None:
        plain = self.cipher.decrypt(frame)
        session, message, _seqno, length = struct.unpack_from("<qqii", plain, 8)
        answers: list[bytes] = []
        if int.from_bytes(plain[32:36], "little") == CONTAINER:
            at = 40
            for _ in range(int.from_bytes(plain[36:40], "little")):
                message, _seqno, length = struct.unpack_from("<qii", plain, at)
                self.answer(message, plain[at + 16 : at + 16 + length], answers)
                at += 16 + length
        else:
            self.answer(message, plain[32 : 32 + length], answers)
        if not answers:
            return
        body = answers[0]
        if len(answers) > 1:
            inner = struct.pack("<II", CONTAINER, len(answers)) + b"".join(answers)
            body = struct.pack("<qii", self.next_id(), 0, len(inner)) + inner
        sealed = self.cipher.encrypt(struct.pack("<qq", 0, session) + body)
        words = len(sealed) // 4
        self.transport.write((bytes((words,)) if words < 127 else b"\x7f" + words.to_bytes(3, "little")) + sealed)

    def answer(self, message: int, body: bytes, answers: list[bytes]) -> None:
        result = self.results.get(int.from_bytes(body[:4], "little"))
        if result is None:  # an acknowledgement
            return
        answers.append(struct.pack("<qiiIq", self.next_id(), 1, len(result) + 12, RPC_RESULT, message) + result)

    def next_id(self) -> int:
        self.last = max(int(time.time() * 2**32) & ~3 | 1, self.last + 4)
        return self.last


async def main(key: str, *canned: str) -> None:
    results = {int(name): bytes.fromhex(result) for name, _, result in (each.partition(":") for each in canned)}
    results[INVOKE_WITH_LAYER] = results[GET_CONFIG]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Bare(bytes.fromhex(key), results), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
