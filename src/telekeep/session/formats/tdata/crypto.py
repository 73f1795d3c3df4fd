"""How Telegram Desktop hides what it keeps: a local key, opened by the passcode, and AES-IGE with it.

Telegram/SourceFiles/storage/details/storage_file_utilities.cpp of tdesktop: the passcode is stretched with PBKDF2 of
SHA-512, 100,000 times, and once if there is none; since 7.3 with Argon2id. The key of a message is the SHA-1 of its
plain text; AES key and vector come from it as in MTProto 1.
"""

from __future__ import annotations

import hmac
import os
from hashlib import pbkdf2_hmac, sha1, sha512

import cryptg

from telekeep.session.formats.packed import Ended, Packed

LOCAL_KEY = 256  # bytes
SALT = 32  # bytes
_STRONG, _NONE = 100_000, 1
_MESSAGE_KEY = 16  # bytes
_FROM_SERVER = 8  # where in the key MTProto 1 begins for what comes from a server


_NEWER = bytes.fromhex("4b443200 00000002 00000001 00000001 00000001 00000001")  # KD2, and which kind of key follows
_MOST_MEMORY, _MOST_PASSES, _MOST_LANES = 1 << 18, 64, 16  # KiB; what a stranger's folder may ask of us


class WrongKey(ValueError):
    """This key does not open it, or it is damaged."""


def local_key(passcode: bytes, salt: bytes) -> bytes:
    """The key that ``passcode``, which may be empty, stands for."""
    stretched = sha512(salt + passcode + salt).digest()
    return pbkdf2_hmac("sha512", stretched, salt, _STRONG if passcode else _NONE, LOCAL_KEY)


def newer_key(block: bytes, passcode: bytes) -> tuple[bytes, bytes]:
    """The key that ``passcode`` stands for since Telegram Desktop 7.3, and what it opens: Argon2id, with what it costs
    and its salt in ``block``. Raises WrongKey for a block that is none, or asks too much.
    """
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    packed = Packed(block, ">")
    try:
        known = packed.take(len(_NEWER)) == _NEWER
        memory, passes, lanes = packed.number("I"), packed.number("I"), packed.number("I")
        salt = packed.take(packed.number("I"))
        sealed = packed.take(packed.number("I"))
    except Ended:
        raise WrongKey from None
    bounded = 8 * lanes <= memory <= _MOST_MEMORY and 1 <= passes <= _MOST_PASSES and 1 <= lanes <= _MOST_LANES
    if not (known and bounded and len(salt) == SALT):
        raise WrongKey
    stretched = Argon2id(salt=salt, length=LOCAL_KEY, iterations=passes, lanes=lanes, memory_cost=memory)
    return stretched.derive(passcode), sealed


def decrypt(sealed: bytes, key: bytes) -> bytes:
    """The plain text of ``sealed``. Raises WrongKey."""
    message_key, body = sealed[:_MESSAGE_KEY], sealed[_MESSAGE_KEY:]
    if not body or len(body) % 16:
        raise WrongKey
    plain = bytes(cryptg.decrypt_ige(body, *_aes(key, message_key)))
    length = int.from_bytes(plain[:4], "little")
    if not hmac.compare_digest(sha1(plain).digest()[:_MESSAGE_KEY], message_key) or not 4 <= length <= len(plain):
        raise WrongKey
    return plain[4:length]


def encrypt(plain: bytes, key: bytes) -> bytes:
    """``plain``, sealed with ``key``."""
    length = len(plain) + 4
    body = length.to_bytes(4, "little") + plain + os.urandom(-length % 16)
    message_key = sha1(body).digest()[:_MESSAGE_KEY]
    return message_key + bytes(cryptg.encrypt_ige(body, *_aes(key, message_key)))


def _aes(key: bytes, message_key: bytes) -> tuple[bytes, bytes]:
    at = _FROM_SERVER
    a = sha1(message_key + key[at : at + 32]).digest()
    b = sha1(key[at + 32 : at + 48] + message_key + key[at + 48 : at + 64]).digest()
    c = sha1(key[at + 64 : at + 96] + message_key).digest()
    d = sha1(message_key + key[at + 96 : at + 128]).digest()
    return a[:8] + b[8:20] + c[4:16], a[8:20] + b[:8] + c[16:20] + d[:8]
