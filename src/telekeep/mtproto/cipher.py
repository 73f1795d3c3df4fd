"""Encryption of MTProto 2.0 messages, the raw AES-IGE the handshake needs, and AES-CTR for obfuscated transports.

core.telegram.org/mtproto/description: the message key is the middle of a SHA-256 over a part of the auth key and the
plain text with its padding; key and vector of AES-256-IGE come from the message key. Client and server use different
parts of the auth key.
"""

from __future__ import annotations

import hmac
import os
from hashlib import sha1, sha256
from typing import Any

import cryptg

KEY_BYTES = 256
_TO_SERVER, _TO_CLIENT = 0, 8
_PARTS = ("_in_check", "_in_key", "_out_check", "_out_key")
_HEADER = 24  # auth key id and message key, in front of what is encrypted


class CipherError(ValueError):
    """A frame that was not encrypted with this key, or was changed on the way."""


class Cipher:
    """One auth key, seen from the server's side.

    ``mirrored`` is the client's side, for tests and for whoever has to speak as one.
    """

    __slots__ = ("_in_check", "_in_key", "_mirrored", "_out_check", "_out_key", "_prefix", "id", "value")

    def __init__(self, value: bytes, *, mirrored: bool = False) -> None:
        if len(value) != KEY_BYTES:
            raise ValueError(f"an auth key has {KEY_BYTES} bytes, not {len(value)}")
        self.value = value
        self._mirrored = mirrored
        self._prefix = sha1(value).digest()[-8:]
        self.id = int.from_bytes(self._prefix, "little")

    def __getattr__(self, name: str) -> Any:
        """What follows from the key, when it is first needed: most keys of a gateway lie idle."""
        if name not in _PARTS:
            raise AttributeError(name)
        value = self.value
        into, out = (_TO_CLIENT, _TO_SERVER) if self._mirrored else (_TO_SERVER, _TO_CLIENT)
        self._in_check = sha256(value[88 + into : 120 + into])
        self._out_check = sha256(value[88 + out : 120 + out])
        self._in_key = value[into : into + 36], value[into + 40 : into + 76]
        self._out_key = value[out : out + 36], value[out + 40 : out + 76]
        return getattr(self, name)

    def decrypt(self, frame: bytes) -> bytes:
        """The plain text of a frame (salt first, padding still on). Raises CipherError."""
        size = len(frame) - _HEADER
        if size < 48 or size % 16 or frame[:8] != self._prefix:
            raise CipherError("not an encrypted message of this key")
        message_key = frame[8:24]
        plain: bytes = cryptg.decrypt_ige(frame[24:], *_aes(self._in_key, message_key))
        check = self._in_check.copy()
        check.update(plain)
        if not hmac.compare_digest(check.digest()[8:24], message_key):
            raise CipherError("the message key does not fit")
        return plain

    def encrypt(self, plain: bytes) -> bytes:
        """The frame for a plain text (salt, session id, message): padded with 12 to 27 random bytes, and encrypted."""
        padded = plain + os.urandom(-(len(plain) + 12) % 16 + 12)
        check = self._out_check.copy()
        check.update(padded)
        message_key = check.digest()[8:24]
        return self._prefix + message_key + encrypt_ige(padded, *_aes(self._out_key, message_key))

    def __repr__(self) -> str:
        return f"<Cipher {self.id & 0xFFFF:04x}>"


def _aes(parts: tuple[bytes, bytes], message_key: bytes) -> tuple[bytes, bytes]:
    a = sha256(message_key + parts[0]).digest()
    b = sha256(parts[1] + message_key).digest()
    return a[:8] + b[8:24] + a[24:], b[:8] + a[8:24] + b[24:]


def encrypt_ige(data: bytes, key: bytes, iv: bytes) -> bytes:
    """AES-256-IGE. ``data`` is a multiple of 16 bytes."""
    encrypted: bytes = cryptg.encrypt_ige(data, key, iv)
    return encrypted


def decrypt_ige(data: bytes, key: bytes, iv: bytes) -> bytes:
    """AES-256-IGE. ``data`` is a multiple of 16 bytes."""
    decrypted: bytes = cryptg.decrypt_ige(data, key, iv)
    return decrypted


_BLOCK = 16
_COUNTERS = 1 << 8 * _BLOCK
_NO_VECTOR = bytes(2 * _BLOCK)


class CounterStream:
    """AES-256-CTR over one direction of a stream, however it is cut; encrypting and decrypting are the same.

    cryptg has no CTR, but IGE of a single block with a zero vector is the bare block cipher: 21 MB/s, where Telethon's
    own CTR makes half a megabyte.
    """

    __slots__ = ("_counter", "_key", "_rest")

    def __init__(self, key: bytes, counter: bytes) -> None:
        self._key = key
        self._counter = int.from_bytes(counter, "big")
        self._rest = b""  # key stream that was made and not used yet

    def apply(self, data: bytes) -> bytes:
        """``data`` with the next piece of the key stream over it."""
        size = len(data)
        if (missing := size - len(self._rest)) > 0:
            blocks = -(-missing // _BLOCK)
            first, encrypt, key = self._counter, cryptg.encrypt_ige, self._key
            counters = range(first, first + blocks)
            fresh = [encrypt((each % _COUNTERS).to_bytes(_BLOCK, "big"), key, _NO_VECTOR) for each in counters]
            self._counter = (first + blocks) % _COUNTERS
            self._rest += b"".join(fresh)
        stream, self._rest = self._rest[:size], self._rest[size:]
        return (int.from_bytes(data, "little") ^ int.from_bytes(stream, "little")).to_bytes(size, "little")
