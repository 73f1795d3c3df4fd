"""Which keys the gateway knows: those of loans, and those that borrowers made at other data centers and tied to one.

A key is known at every data center of the session, as a loan is for all of it.
"""

from __future__ import annotations

import secrets
from hashlib import sha1

from telekeep.gateway.loans import Loan
from telekeep.mtproto.keyring import KnownKey
from telekeep.mtproto.salts import Salts

_UNTIED = 64  # keys somebody made by a handshake and never tied to a loan
_EXPORTS = 256  # tickets that wait to be used
_TIED = 16  # keys of one loan


class GatewayKey(KnownKey):
    """A key, and the loan it stands for: its own, one it was tied to, or none yet. ``layer``: what is spoken with it,
    None before anything was.
    """

    compresses = False  # on loopback, zipping costs more than it saves
    acknowledges = False  # nearly all answers come before a client asks itself where they are

    def __init__(self, value: bytes, *, loan: Loan | None = None, salts: Salts | None = None) -> None:
        super().__init__(value, salts=salts)
        self.loan = loan
        self.layer = loan.layer if loan is not None else None


class Register:
    """The keys of one session's gateway."""

    def __init__(self) -> None:
        self._keys: dict[int, GatewayKey] = {}
        self._untied: dict[int, GatewayKey] = {}
        self._tied: dict[str, list[GatewayKey]] = {}
        self._exports: dict[int, tuple[bytes, Loan]] = {}
        self.loans: dict[str, Loan] = {}

    def find(self, key_id: int) -> GatewayKey | None:
        return self._keys.get(key_id) or self._untied.get(key_id)

    def taken(self, key: bytes) -> bool:
        """Whether a key of this id is known."""
        return self.find(int.from_bytes(sha1(key).digest()[-8:], "little")) is not None

    def add(self, loan: Loan) -> GatewayKey:
        """Know a loan, open or ended: an ended one is answered by name."""
        self.loans[loan.id] = loan
        key = GatewayKey(loan.key.reveal(), loan=loan)
        self._keys[key.key.id] = key
        return key

    def replace(self, loan: Loan) -> None:
        """The same loan, changed: ended, or used."""
        self.loans[loan.id] = loan
        for key in self._keys.values():
            if key.loan is not None and key.loan.id == loan.id:
                key.loan = loan

    def forget(self, loan: Loan) -> list[GatewayKey]:
        """Know a loan no more. The keys that were its."""
        self.loans.pop(loan.id, None)
        self._tied.pop(loan.id, None)
        self._exports = {number: each for number, each in self._exports.items() if each[1].id != loan.id}
        gone = [key for key in self._keys.values() if key.loan is not None and key.loan.id == loan.id]
        for key in gone:
            del self._keys[key.key.id]
        return gone

    def keys_of(self, loan: Loan) -> list[GatewayKey]:
        return [key for key in self._keys.values() if key.loan is not None and key.loan.id == loan.id]

    # ---- keys made at other data centers

    def agreed(self, key: bytes, salts: Salts) -> None:
        """Somebody has made a key. It stands for nothing yet."""
        made = GatewayKey(key, salts=salts)
        self._untied[made.key.id] = made
        if len(self._untied) > _UNTIED:
            del self._untied[next(iter(self._untied))]

    def export(self, loan: Loan) -> tuple[int, bytes]:
        """A ticket that ties a key to ``loan``, once: its number and its bytes."""
        number, ticket = secrets.randbits(62), secrets.token_bytes(32)
        self._exports[number] = ticket, loan
        if len(self._exports) > _EXPORTS:
            del self._exports[next(iter(self._exports))]
        return number, ticket

    def tie(self, key: GatewayKey, number: int, ticket: bytes) -> Loan | None:
        """Let ``key`` stand for the loan of a ticket. None if there is no such ticket (any more)."""
        expected, loan = self._exports.get(number, (b"", None))
        if loan is None or not secrets.compare_digest(expected, ticket):
            return None
        del self._exports[number]
        if loan.id not in self.loans:
            return None
        loan = self.loans[loan.id]
        if key.loan is not None:
            return loan if key.loan.id == loan.id else None
        key.loan = loan
        self._untied.pop(key.key.id, None)
        self._keys[key.key.id] = key
        tied = self._tied.setdefault(loan.id, [])
        tied.append(key)
        if len(tied) > _TIED:
            del self._keys[tied.pop(0).key.id]
        return loan
