"""The loan: the session a borrower gets. Its key was minted here and opens nothing but this session's gateway.

A value: what happens to it is a new one. Where it is kept is the vault's business, what it may do the grant's.
"""

from __future__ import annotations

import json
import math
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from telekeep.errors import SessionCorrupt
from telekeep.lease.redaction import plain
from telekeep.session.model import KEY_BYTES, AuthKey, DataCenter, Session, User

OPEN: Final = "open"
REVOKED: Final = "revoked"
EXPIRED: Final = "expired"
LOGGED_OUT: Final = "logged out"

_ENDS: Final = (REVOKED, EXPIRED, LOGGED_OUT)
_VERSION: Final = 1
_LABEL: Final = 80  # characters
_ID: Final = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Loan:
    """Times in wall-clock seconds.

    ``id``: eight hex digits, for people · ``session``: the name of the session that is lent · ``label``: what people
    call the loan · ``grant``: what it may do, as text · ``expires_at``: None if it lasts until it is revoked ·
    ``ended_why``: "revoked", "expired", "logged out" · ``lasting``: False for a loan that a program fetched for itself
    and that is dropped when it is not used for a while · ``layer``: what its program spoke last, None before it came ·
    ``host``: the only address at which it is good for something, None for those on loopback.
    """

    id: str
    session: str
    label: str
    grant: str
    key: AuthKey
    made_at: float
    expires_at: float | None
    last_used: float
    lasting: bool = True
    ended_at: float | None = None
    ended_why: str | None = None
    layer: int | None = None
    host: str | None = None

    @classmethod
    def mint(
        cls,
        *,
        session: str,
        label: str,
        grant: str,
        made_at: float,
        expires_at: float | None = None,
        lasting: bool = True,
        host: str | None = None,
        taken: Container[str] = (),
    ) -> Self:
        """A new loan with a new key. ``label`` is made fit to be shown; ``taken``: ids that it must not have."""
        while (loan_id := os.urandom(4).hex()) in taken:
            pass
        return cls(
            id=loan_id,
            session=session,
            label=plain(label, _LABEL),
            grant=grant,
            key=_new_key(),
            made_at=made_at,
            expires_at=expires_at,
            last_used=made_at,
            lasting=lasting,
            host=host,
        )

    # ---- what becomes of it

    def state(self, now: float) -> str:
        """Whether it is "open" at ``now``, or why not: "revoked", "expired" or "logged out"."""
        if self.ended_at is not None:
            return self.ended_why or REVOKED
        return EXPIRED if self.expires_at is not None and now >= self.expires_at else OPEN

    def ended(self, why: str, at: float) -> Self:
        """This loan, ended; as it is, if it had ended before. ``why``: "revoked", "expired" or "logged out"."""
        if why not in _ENDS:
            raise ValueError(f"a loan does not end by being {why!r}")
        return self if self.ended_at is not None else replace(self, ended_at=at, ended_why=why)

    def used(self, at: float) -> Self:
        """This loan, last used ``at``."""
        return replace(self, last_used=max(at, self.last_used))

    def spoken(self, layer: int) -> Self:
        """This loan, whose program speaks ``layer``."""
        return replace(self, layer=layer)

    # ---- as others see it

    def facts(self, now: float) -> dict[str, Any]:
        """What may be shown of it, as JSON."""
        shown = ("id", "session", "label", "grant", "lasting", "made_at", "expires_at", "host")
        return {**{name: getattr(self, name) for name in shown}, "state": self.state(now)}

    def as_session(self, dc: DataCenter, network_name: str, user: User | None) -> Session:
        """The session that a program is given: ``dc`` is the gateway's address of the home data center."""
        return Session(dc=dc, auth_key=self.key, user=user, network=network_name)

    def to_payload(self) -> bytes:
        """What the vault keeps of it, the key included."""
        table = {name: getattr(self, name) for name in _FIELDS}
        return json.dumps({"v": _VERSION, **table, "key": b64encode(self.key.reveal()).decode()}).encode()

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """The loan that `to_payload` wrote. Raises SessionCorrupt if this is none, or of a newer telekeep."""
        try:
            table = {"layer": None, "host": None, **json.loads(payload)}  # which the first loans did not know
            version = table["v"]
            if version == _VERSION and _is_sound(table):
                key = AuthKey(b64decode(table["key"], validate=True))
                return cls(key=key, **{name: table[name] for name in _FIELDS})
        except (ValueError, KeyError, TypeError, RecursionError):  # what they say may quote the payload
            version = _VERSION
        raise SessionCorrupt(
            "What the vault keeps of this loan cannot be read."
            if version == _VERSION
            else "This loan was written by a newer telekeep.",
            remedy="Make a new one; the session itself is untouched.",
        )


_TIME: Final = (int, float)
_NONE: Final = type(None)
_FIELDS: Final[dict[str, tuple[type, ...]]] = {
    "id": (str,),
    "session": (str,),
    "label": (str,),
    "grant": (str,),
    "made_at": _TIME,
    "expires_at": (*_TIME, _NONE),
    "last_used": _TIME,
    "lasting": (bool,),
    "ended_at": (*_TIME, _NONE),
    "ended_why": (str, _NONE),
    "layer": (int, _NONE),
    "host": (str, _NONE),
}


def _is_sound(table: dict[str, Any]) -> bool:
    """Whether all fields are there and of their types; a number that is none would make a loan that never expires."""
    if not all(type(table[name]) in kinds for name, kinds in _FIELDS.items()):
        return False
    if not all(math.isfinite(value) for value in map(table.get, _FIELDS) if isinstance(value, float)):
        return False
    ended, why = table["ended_at"], table["ended_why"]
    return bool(_ID.fullmatch(table["id"])) and (why in _ENDS if ended is not None else why is None)


def _new_key() -> AuthKey:
    """256 random bytes. Key id 0 is what unencrypted messages carry: such a key could not be used."""
    while True:
        key = AuthKey(os.urandom(KEY_BYTES))
        if key.id:
            return key
