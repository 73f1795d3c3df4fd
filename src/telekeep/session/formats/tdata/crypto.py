"""How Telegram Desktop hides what it keeps: a local key, opened by the passcode, and AES-IGE with it.

Telegram/SourceFiles/storage/details/storage_file_utilities.cpp of tdesktop: the passcode is stretched with PBKDF2 of
SHA-512, 100,000 times, and once if there is none. The key of a message is the SHA-1 of its plain text; AES key and
vector come from it as in MTProto 1.
"""

from __future__ import annotations

import hmac
import os
from hashlib import pbkdf2_hmac, sha1, sha512

import cryptg

LOCAL_KEY = 256  # bytes
SALT = 32  # bytes
_STRONG, _NONE = 100_000, 1
_MESSAGE_KEY = 16  # bytes
_FROM_SERVER = 8  # where in the key MTProto 1 begins for what comes from a server


class WrongKey(ValueError):
    """This key does not open it, or it is damaged."""


def local_key(passcode: bytes, salt: bytes) -> bytes:
    """The key that ``passcode``, which may be empty, stands for."""
    stretched = sha512(salt + passcode + salt).digest()
    return pbkdf2_hmac("sha512", stretched, salt, _STRONG if passcode else _NONE, LOCAL_KEY)


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
