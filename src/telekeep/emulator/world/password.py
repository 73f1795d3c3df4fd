"""Two-step verification by SRP, the server's part (core.telegram.org/api/srp).

The server keeps a verifier, never the password; a challenge is good for one answer.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from hashlib import pbkdf2_hmac, sha256

from telekeep.emulator.rpc_error import RpcError
from telekeep.mtproto.modpow import modpow
from telekeep.mtproto.schema import DH_G, DH_PRIME

_BYTES = 256


def _hash(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


def _padded(number: int) -> bytes:
    return number.to_bytes(_BYTES, "big")


_MULTIPLIER = int.from_bytes(_hash(_padded(DH_PRIME), _padded(DH_G)), "big")
_GROUP_HASH = bytes(a ^ b for a, b in zip(_hash(_padded(DH_PRIME)), _hash(_padded(DH_G)), strict=True))


@dataclass(frozen=True, slots=True)
class Salts:
    """What a password is hashed with: the first chosen by client and server together, the second by the server."""

    client: bytes
    server: bytes

    @classmethod
    def fresh(cls) -> Salts:
        """What the server proposes for a new password; the client lengthens the first one."""
        return cls(secrets.token_bytes(8), secrets.token_bytes(16))


@dataclass(frozen=True, eq=False)
class Password:
    """The verifier of a password. Two are never equal: setting the same words again is another password."""

    salts: Salts
    verifier: int
    hint: str = ""

    def __repr__(self) -> str:
        return "Password(…)"

    @classmethod
    def of(cls, words: str, *, hint: str = "") -> Password:
        """The verifier that a client would have sent for these words."""
        salts = Salts(secrets.token_bytes(40), secrets.token_bytes(16))
        once = _hash(salts.client, words.encode(), salts.client)
        twice = _hash(salts.server, once, salts.server)
        slow = pbkdf2_hmac("sha512", twice, salts.client, 100_000)
        x = int.from_bytes(_hash(salts.server, slow, salts.server), "big")
        return cls(salts, modpow(DH_G, x, DH_PRIME), hint)


class Challenge:
    """One question to whoever says they know the password: ``id`` and ``B``, to be answered by ``A`` and ``M1``."""

    def __init__(self, password: Password) -> None:
        self.password = password
        self.id = secrets.randbits(62) + 1
        self._secret = secrets.randbits(256) | 1 << 255
        ours = _MULTIPLIER * password.verifier + modpow(DH_G, self._secret, DH_PRIME)
        self.B = _padded(ours % DH_PRIME)

    def accepts(self, a: bytes, proof: bytes) -> bool:
        """Whether the answer proves the password. Raises RpcError 400 SRP_A_INVALID for an A outside the group."""
        theirs = int.from_bytes(a, "big")
        if not 1 < theirs < DH_PRIME - 1:
            raise RpcError(400, "SRP_A_INVALID")
        a = _padded(theirs)
        u = int.from_bytes(_hash(a, self.B), "big")
        shared = modpow(theirs * modpow(self.password.verifier, u, DH_PRIME), self._secret, DH_PRIME)
        salts = self.password.salts
        expected = _hash(_GROUP_HASH, _hash(salts.client), _hash(salts.server), a, self.B, _hash(_padded(shared)))
        return hmac.compare_digest(expected, proof)


class PasswordDesk:
    """Challenges under way, one per asker, and how often the password of an account was answered wrongly."""

    TRIES = 5
    """Wrong answers a day and account; further ones are not even looked at."""

    def __init__(self) -> None:
        self._challenges: dict[int, Challenge] = {}  # auth key id -> its latest
        self._wrong: dict[int, list[float]] = {}  # account id -> when

    def ask(self, key_id: int, password: Password) -> Challenge:
        """A new challenge for this key. An earlier one is void."""
        challenge = self._challenges[key_id] = Challenge(password)
        return challenge

    def judge(
        self, key_id: int, account_id: int, password: Password, *, srp_id: int, a: bytes, proof: bytes, now: float
    ) -> None:
        """Return if the answer is right; the challenge is used up either way.

        Raises RpcError: 406 PHONE_PASSWORD_FLOOD, 400 SRP_ID_INVALID, SRP_PASSWORD_CHANGED (since the challenge was
        made), SRP_A_INVALID, PASSWORD_HASH_INVALID.
        """
        wrong = self._wrong[account_id] = [at for at in self._wrong.get(account_id, ()) if at > now - 86_400]
        if len(wrong) >= self.TRIES:
            raise RpcError(406, "PHONE_PASSWORD_FLOOD")
        challenge = self._challenges.get(key_id)
        if challenge is None or challenge.id != srp_id:
            raise RpcError(400, "SRP_ID_INVALID")
        del self._challenges[key_id]
        if challenge.password is not password:
            raise RpcError(400, "SRP_PASSWORD_CHANGED")
        if not challenge.accepts(a, proof):
            wrong.append(now)
            raise RpcError(400, "PASSWORD_HASH_INVALID")
