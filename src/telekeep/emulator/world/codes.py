"""Login codes: sent, entered, expired, and asked for too often (core.telegram.org/api/auth)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import blake2b
from math import ceil
from typing import Literal

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world import numbers

Way = Literal["app", "sms", "call"]
NEXT_WAY: dict[Way, Way | None] = {"app": "sms", "sms": "call", "call": None}

LIFETIME = 300.0
"""Seconds a code is good for."""

TRIES = 5
"""Wrong entries after which a code is void."""

A_DAY = 5
"""Codes a number may ask for in 24 hours. After that it floods; who asks on regardless is refused outright."""

_DAY = 86_400.0
_SHORTEST_FLOOD = 3_600.0


@dataclass(slots=True)
class SentCode:
    """A code on its way to a phone. ``hash`` is what the client names it by, and only the key that asked may."""

    phone: str
    code: str
    hash: str
    key_id: int
    way: Way
    sent_at: float
    tries: int = 0
    right: bool = False  # entered correctly; may still be signed up with


class Codes:
    """All codes under way, and when each number asked."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._codes: dict[str, SentCode] = {}  # by hash
        self._asked: dict[str, list[float]] = {}
        self._flooded_until: dict[str, float] = {}
        self._latest: dict[str, str] = {}

    def send(self, phone: str, key_id: int, *, way: Way, now: float) -> SentCode:
        """A new code; an earlier one of the same key for this number is void.

        Raises RpcError 420 FLOOD_WAIT_X for the sixth in 24 hours, 400 PHONE_NUMBER_FLOOD for those after it.
        """
        self._count(phone, now)
        for old in [c for c in self._codes.values() if c.phone == phone and c.key_id == key_id]:
            del self._codes[old.hash]
        sent = SentCode(phone, self._make(phone), secrets.token_hex(9), key_id, way, now)
        self._codes[sent.hash] = sent
        self._latest[phone] = sent.code
        return sent

    def resend(self, phone: str, key_id: int, code_hash: str, *, now: float) -> SentCode:
        """The same code by the next way. Raises as `send`, 400 PHONE_CODE_EXPIRED, or 400 SEND_CODE_UNAVAILABLE after
        the last way."""
        sent = self._found(phone, key_id, code_hash, now)
        way = NEXT_WAY[sent.way]
        if way is None:
            raise RpcError(400, "SEND_CODE_UNAVAILABLE")
        self._count(phone, now)
        sent.way, sent.sent_at, sent.tries = way, now, 0
        return sent

    def cancel(self, phone: str, key_id: int, code_hash: str, *, now: float) -> None:
        del self._codes[self._found(phone, key_id, code_hash, now).hash]

    def enter(self, phone: str, key_id: int, code_hash: str, code: str, *, now: float) -> SentCode:
        """The code that was sent, if ``code`` is it.

        Raises RpcError 400: PHONE_CODE_EMPTY, PHONE_CODE_HASH_EMPTY, PHONE_CODE_EXPIRED (too old, superseded, void
        after `TRIES`, another key's, or given away), PHONE_CODE_INVALID.
        """
        if not code:
            raise RpcError(400, "PHONE_CODE_EMPTY")
        sent = self._found(phone, key_id, code_hash, now)
        if sent.code != code:
            sent.tries += 1
            if sent.tries >= TRIES:
                del self._codes[sent.hash]
            raise RpcError(400, "PHONE_CODE_INVALID")
        sent.right = True
        return sent

    def entered(self, phone: str, key_id: int, code_hash: str, *, now: float) -> SentCode:
        """The code of this hash, if it was entered before (to sign up with). Raises RpcError 400 PHONE_CODE_EXPIRED."""
        sent = self._found(phone, key_id, code_hash, now)
        if not sent.right:
            raise RpcError(400, "PHONE_CODE_INVALID")
        return sent

    def use(self, sent: SentCode) -> None:
        """It has opened a login: nobody enters it again."""
        self._codes.pop(sent.hash, None)

    def given_away(self, phone: str, text: str) -> None:
        """The owner of ``phone`` sent ``text`` to somebody: codes in it expire at once."""
        for sent in [c for c in self._codes.values() if c.phone == phone and c.code in text]:
            del self._codes[sent.hash]

    def latest(self, phone: str) -> str | None:
        """What a person would read on their phone."""
        return self._latest.get(phone)

    def _found(self, phone: str, key_id: int, code_hash: str, now: float) -> SentCode:
        if not code_hash:
            raise RpcError(400, "PHONE_CODE_HASH_EMPTY")
        sent = self._codes.get(code_hash)
        if sent is None or sent.phone != phone or sent.key_id != key_id or now >= sent.sent_at + LIFETIME:
            raise RpcError(400, "PHONE_CODE_EXPIRED")
        return sent

    def _count(self, phone: str, now: float) -> None:
        if now < self._flooded_until.get(phone, 0.0):
            raise RpcError(400, "PHONE_NUMBER_FLOOD")
        asked = self._asked[phone] = [at for at in self._asked.get(phone, ()) if at > now - _DAY]
        if len(asked) >= A_DAY:
            wait = ceil(max(asked[0] + _DAY - now, _SHORTEST_FLOOD))
            self._flooded_until[phone] = now + wait
            raise RpcError(420, f"FLOOD_WAIT_{wait}")
        asked.append(now)

    def _make(self, phone: str) -> str:
        fixed = numbers.test_code(phone)
        if fixed:
            return fixed
        nonce = f"{phone} {len(self._asked[phone])} {secrets.token_hex(4)}".encode()
        return f"{int.from_bytes(blake2b(nonce, key=self._secret, digest_size=8).digest(), 'little') % 100_000:05d}"
