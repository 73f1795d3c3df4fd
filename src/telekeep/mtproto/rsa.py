"""The server's RSA key in the handshake: its fingerprint, and both ways clients have of encrypting with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1, sha256
from typing import Any

from telekeep.mtproto.cipher import decrypt_ige
from telekeep.mtproto.modpow import modpow
from telekeep.mtproto.schema import SchemaError, TLObject, read_first

SIZE = 256  # bytes of a 2048-bit modulus


@dataclass(frozen=True, repr=False)
class ServerKey:
    """A 2048-bit RSA key, in numbers. ``pem``: its public half in PKCS#1, as clients are given it."""

    n: int
    e: int
    d: int
    p: int
    q: int
    pem: str

    @cached_property
    def fingerprint(self) -> int:
        """The lower 64 bits of the SHA-1 of n and e in TL (core.telegram.org/mtproto/auth_key, step 2)."""
        packed = b"".join(
            TLObject.serialize_bytes(number.to_bytes((number.bit_length() + 7) // 8, "big"))
            for number in (self.n, self.e)
        )
        return int.from_bytes(sha1(packed).digest()[-8:], "little", signed=True)

    def open_inner_data(self, encrypted: bytes) -> Any:
        """The p_q_inner_data in ``encrypted``: by RSA_PAD, or by the SHA-1 scheme before it; else None."""
        if len(encrypted) > SIZE or int.from_bytes(encrypted, "big") >= self.n:
            return None
        block = self._decrypt(int.from_bytes(encrypted, "big")).to_bytes(SIZE, "big")
        return _hashed(block) or _padded(block)

    def _decrypt(self, number: int) -> int:
        by_p = modpow(number % self.p, self.d % (self.p - 1), self.p)
        by_q = modpow(number % self.q, self.d % (self.q - 1), self.q)
        return by_q + self.q * ((by_p - by_q) * self._inverse % self.p)

    @cached_property
    def _inverse(self) -> int:
        return pow(self.q, -1, self.p)

    def __repr__(self) -> str:
        return f"<ServerKey {self.fingerprint & 0xFFFF:04x}>"


def _hashed(block: bytes) -> Any:
    """The old scheme: a zero byte, SHA-1 of the data, the data, random bytes."""
    if block[0]:
        return None
    found, length = _first(block[21:])
    return found if sha1(block[21 : 21 + length]).digest() == block[1:21] else None


def _padded(block: bytes) -> Any:
    """RSA_PAD (core.telegram.org/mtproto/auth_key#41-rsa-paddata-server-public-key)."""
    masked, encrypted = block[:32], block[32:]
    key = bytes(a ^ b for a, b in zip(masked, sha256(encrypted).digest(), strict=True))
    opened = decrypt_ige(encrypted, key, bytes(32))
    data, digest = opened[:192][::-1], opened[192:]
    return _first(data)[0] if sha256(key + data).digest() == digest else None


def _first(data: bytes) -> tuple[Any, int]:
    try:
        return read_first(data)
    except SchemaError:
        return None, 0
