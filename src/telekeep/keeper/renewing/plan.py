"""A renewal or a fork as it lies in the vault while it is under way: its states, and what a crash leaves to be done.

::

    renewal:  MAKING ──► PROVED ──► SWAPPED ──► (no plan)
    fork:     MAKING ──► PROVED ───────────────► (no plan)
                └──────────┴──► undone ─────────► (no plan)

A plan is written before anything is asked with the new key, and again before it stands for more: so that the vault has
the key of every authorization that may have been made. Which of the two is in force, the record says; the plan does
not. Pure: no input or output, no clock.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from telekeep.errors import UnknownFormat
from telekeep.lease.lease import lease_name
from telekeep.session.model import Session
from telekeep.vault.payload import read_session, write_session

VERSION: Final = 1


class Kind(StrEnum):
    RENEWAL = "renewal"
    FORK = "fork"


class State(StrEnum):
    """How far it has come."""

    MAKING = "making"  # there is a new key; somebody may be logged in with it
    PROVED = "proved"  # it is logged in, as the same user
    SWAPPED = "swapped"  # it is kept in the old one's place; the old one is to be ended


class Step(StrEnum):
    """What is left to be done."""

    NOTHING = "nothing"  # the plan is of no use any more
    END_NEW = "end new"  # undo: the old one is in force
    END_OLD = "end old"  # finish: the new one is in force
    END_BOTH = "end both"  # a third one is in force: neither is of use to anybody


_MOVES: Final = {
    (Kind.RENEWAL, State.MAKING): {State.MAKING, State.PROVED},
    (Kind.RENEWAL, State.PROVED): {State.SWAPPED},
    (Kind.FORK, State.MAKING): {State.MAKING, State.PROVED},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """``name``: what the new authorization is to be kept as · ``old``: the one it takes the place of, or was let in by;
    ``new``: the new one; of both key, data center, user and application alone · ``began_at``: wall seconds.
    """

    kind: Kind
    name: str
    state: State
    old: Session
    new: Session
    began_at: float

    def move(self, state: State, new: Session | None = None) -> Plan:
        """The plan in its next state. Raises AssertionError for a move that there is not: a fault of ours."""
        assert state in _MOVES.get((self.kind, self.state), ()), f"{self.kind}: no way from {self.state} to {state}"
        return replace(self, state=state, new=bare(new) if new is not None else self.new)

    @property
    def old_lease(self) -> str:
        return lease_name(self.old.auth_key.id)

    @property
    def new_lease(self) -> str:
        return lease_name(self.new.auth_key.id)

    def left(self, in_force: str | None) -> Step:
        """What is to be done after a crash. ``in_force``: the lease of what is kept under the name, None if nothing is.

        A key that is kept is never ended, whatever the plan wanted.
        """
        if in_force == self.new_lease:
            return Step.NOTHING if self.kind is Kind.FORK else Step.END_OLD
        if self.kind is Kind.FORK:
            return Step.END_NEW
        if in_force == self.old_lease:
            return Step.NOTHING if self.state is State.SWAPPED else Step.END_NEW  # somebody has put it back on purpose
        return Step.END_BOTH if in_force is not None else Step.END_NEW

    def to_payload(self) -> bytes:
        """As bytes for the vault, which seals them: they hold both keys."""
        table = {
            "v": VERSION,
            "kind": self.kind,
            "state": self.state,
            "old": b64encode(write_session(self.old)).decode(),
            "new": b64encode(write_session(self.new)).decode(),
            "began": self.began_at,
        }
        return json.dumps(table).encode()

    @classmethod
    def from_payload(cls, name: str, payload: bytes) -> Plan:
        """What `to_payload` wrote. Raises UnknownFormat if a newer telekeep did."""
        table = json.loads(payload)
        if table["v"] != VERSION:
            raise UnknownFormat(
                f"The renewal of {name!r} was begun by a newer telekeep.", remedy="Finish it with that one."
            )
        old, new = (read_session(b64decode(table[each])) for each in ("old", "new"))
        return cls(Kind(table["kind"]), name, State(table["state"]), old, new, table["began"])


def bare(session: Session) -> Session:
    """``session`` without what its key does not need."""
    return replace(session, state=None, peers=(), login_tokens=(), other_keys={})
