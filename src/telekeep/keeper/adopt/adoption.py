"""The adoption: what is known of a file that was adopted. A value; the vault keeps it sealed.

=========  ===========================================================================================================
state      what the file holds
=========  ===========================================================================================================
begun      the original or the loan: the adoption was interrupted; the key is away
adopted    the loan
returning  the loan or the original: the way back was interrupted; the key is away
returned   the original: the key is away, and used outside telekeep's control
=========  ===========================================================================================================
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self

from telekeep.errors import SessionCorrupt

BEGUN: Final = "begun"
ADOPTED: Final = "adopted"
RETURNING: Final = "returning"
RETURNED: Final = "returned"

_STATES: Final = (BEGUN, ADOPTED, RETURNING, RETURNED)
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Held:
    """One session of the file: ``where`` it stands there, the ``name`` it is kept under, the ``lease`` of its real key,
    and the id of the ``loan`` in its place.
    """

    where: str
    name: str
    lease: str
    loan: str


@dataclass(frozen=True, slots=True)
class Adoption:
    """``path``: the file, no link · ``kind``: of place · ``at``: wall-clock seconds of the adoption · ``written``:
    SHA-256 of the file with its loans, as it was written, in hex · ``held``: its sessions.
    """

    id: str
    path: str
    kind: str
    state: str
    at: float
    written: str
    held: tuple[Held, ...]

    @staticmethod
    def new_id() -> str:
        return os.urandom(4).hex()

    @property
    def leases(self) -> frozenset[str]:
        """Those of the real keys."""
        return frozenset(each.lease for each in self.held)

    def now(self, state: str, **changes: Any) -> Self:
        """This adoption, changed."""
        return replace(self, state=state, **changes)

    def to_payload(self) -> bytes:
        """What the vault keeps."""
        return json.dumps({"v": _VERSION, **asdict(self)}).encode()

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """Raises SessionCorrupt if this is none, or of a newer telekeep."""
        try:
            table = json.loads(payload)
            if table.pop("v") == _VERSION and table["state"] in _STATES:
                return cls(**{**table, "held": tuple(Held(**each) for each in table["held"])})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
        raise SessionCorrupt("What the vault keeps of an adopted file cannot be read.")
