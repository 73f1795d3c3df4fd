"""The client's side of the key exchange, written by hand and open at every step, so that each can be got wrong."""

from __future__ import annotations

import os
import struct
import time
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from typing import Any

import cryptg
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from mtproto.client import TransportRefusal, Wire
from telekeep.mtproto.schema import functions, read, read_first, types

# Without gmpy2 a power of 2048 bits takes long; a short secret is as good for a test.
SECRET_BITS = 256


def signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def public_numbers(pem: str) -> tuple[int, int]:
    """n and e of a PKCS#1 PEM public key."""
    numbers = load_pem_public_key(pem.encode()).public_numbers()
    return numbers.n, numbers.e


def factorised(pq: int) -> tuple[int, int]:
    p = next(each for each in range(3, 1 << 21, 2) if pq % each == 0)
    return p, pq // p


def sha1_block(data: bytes, n: int, e: int) -> bytes:
    """The scheme before RSA_PAD."""
    block = sha1(data).digest() + data
    return pow(int.from_bytes(block + os.urandom(255 - len(block)), "big"), e, n).to_bytes(256, "big")


def rsa_pad(data: bytes, n: int, e: int) -> bytes:
    """core.telegram.org/mtproto/auth_key#41-rsa-paddata-server-public-key"""
    padded = data + os.urandom(192 - len(data))
    while True:
        key = os.urandom(32)
        encrypted = cryptg.encrypt_ige(padded[::-1] + sha256(key + padded).digest(), key, bytes(32))
        block = bytes(a ^ b for a, b in zip(key, sha256(encrypted).digest(), strict=True)) + encrypted
        number = int.from_bytes(block, "big")
        if number < n:
            return pow(number, e, n).to_bytes(256, "big")


@dataclass
class Shake:
    """One handshake. Change what it holds between the steps to get them wrong."""

    wire: Wire
    pem: str
    encrypt: Any = rsa_pad
    inner: Any = types.PQInnerData
    inner_fields: dict[str, Any] = field(default_factory=dict)
    nonce: bytes = field(default_factory=lambda: os.urandom(16))
    new_nonce: bytes = field(default_factory=lambda: os.urandom(32))
    retry_id: int = 0

    async def exchange(self, body: Any) -> Any:
        packed = bytes(body)
        await self.wire.write(struct.pack("<qqi", 0, int(time.time()) << 32, len(packed)) + packed)
        answer = await self.wire.read()
        if len(answer) == 4:
            raise TransportRefusal(struct.unpack("<i", answer)[0])
        assert answer[:8] == bytes(8)
        assert struct.unpack_from("<i", answer, 16)[0] == len(answer) - 20
        return read(answer[20:])

    async def res_pq(self) -> Any:
        found = await self.exchange(functions.ReqPqMultiRequest(nonce=signed(self.nonce)))
        assert found.nonce == signed(self.nonce)
        self.server_nonce = found.server_nonce.to_bytes(16, "little", signed=True)
        self.pq = found.pq
        self.p, self.q = factorised(int.from_bytes(found.pq, "big"))
        self.fingerprint = found.server_public_key_fingerprints[0]
        return found

    async def dh_params(self) -> Any:
        numbers = {"p": self.p.to_bytes(4, "big"), "q": self.q.to_bytes(4, "big")}
        nonces = {"nonce": signed(self.nonce), "server_nonce": signed(self.server_nonce)}
        data = bytes(self.inner(pq=self.pq, **numbers, **nonces, new_nonce=signed(self.new_nonce), **self.inner_fields))
        found = await self.exchange(
            functions.ReqDHParamsRequest(
                **nonces,
                **numbers,
                public_key_fingerprint=self.fingerprint,
                encrypted_data=self.encrypt(data, *public_numbers(self.pem)),
            )
        )
        self.dh = self.opened(found.encrypted_answer)
        self.g_a = int.from_bytes(self.dh.g_a, "big")
        self.prime = int.from_bytes(self.dh.dh_prime, "big")
        self.secret = int.from_bytes(os.urandom(SECRET_BITS // 8), "big") | 1 << SECRET_BITS
        return found

    def aes(self) -> tuple[bytes, bytes]:
        new, server = self.new_nonce, self.server_nonce
        a, b, c = sha1(new + server).digest(), sha1(server + new).digest(), sha1(new + new).digest()
        return a + b[:12], b[12:] + c + new[:4]

    def opened(self, encrypted: bytes) -> Any:
        data = cryptg.decrypt_ige(encrypted, *self.aes())
        found, length = read_first(data[20:])
        assert sha1(data[20 : 20 + length]).digest() == data[:20]
        assert found.nonce == signed(self.nonce)
        return found

    def client_data(self, g_b: int) -> bytes:
        data = bytes(
            types.ClientDHInnerData(
                nonce=signed(self.nonce),
                server_nonce=signed(self.server_nonce),
                retry_id=self.retry_id,
                g_b=g_b.to_bytes(256, "big"),
            )
        )
        data = sha1(data).digest() + data
        return data + os.urandom(-len(data) % 16)

    async def dh_gen(self, *, g_b: int | None = None, data: bytes | None = None) -> Any:
        """Send set_client_DH_params. The answer has proved that the server knows the key."""
        g_b = pow(self.dh.g, self.secret, self.prime) if g_b is None else g_b
        found = await self.exchange(
            functions.SetClientDHParamsRequest(
                nonce=signed(self.nonce),
                server_nonce=signed(self.server_nonce),
                encrypted_data=cryptg.encrypt_ige(data or self.client_data(g_b), *self.aes()),
            )
        )
        self.key = pow(self.g_a, self.secret, self.prime).to_bytes(256, "big")
        for number, kind in enumerate((types.DhGenOk, types.DhGenRetry, types.DhGenFail), 1):
            if isinstance(found, kind) and g_b == pow(self.dh.g, self.secret, self.prime):
                proof = sha1(self.new_nonce + bytes([number]) + sha1(self.key).digest()[:8]).digest()[4:]
                assert getattr(found, f"new_nonce_hash{number}") == signed(proof)
        return found

    @property
    def aux_hash(self) -> int:
        """What names the key before, in a retry."""
        return signed(sha1(self.key).digest()[:8])

    @property
    def salt(self) -> int:
        return signed(bytes(a ^ b for a, b in zip(self.new_nonce[:8], self.server_nonce[:8], strict=True)))

    async def all(self) -> bytes:
        """The whole handshake: the key."""
        await self.res_pq()
        await self.dh_params()
        found = await self.dh_gen()
        while isinstance(found, types.DhGenRetry):
            self.retry_id = self.aux_hash
            self.secret += 1
            found = await self.dh_gen()
        assert isinstance(found, types.DhGenOk)
        return self.key
