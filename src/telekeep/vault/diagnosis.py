"""Why a record does not open: damaged, or holding what was sealed for another."""

from __future__ import annotations

from telekeep.database import PUT_BACK
from telekeep.errors import RecordSwapped, SessionCorrupt
from telekeep.vault.seal import DoesNotOpen, Master
from telekeep.vault.stores.belongings import LOAN, Belonging
from telekeep.vault.stores.sessions import Sealed, misplaced


def why(broken: Sealed, others: list[Sealed], master: Master) -> SessionCorrupt:
    """The error for a record that does not open, though the master key fits.

    ``others``: all generations of all records. Each is tried as the place where the payload belongs.
    """
    here = broken.header
    for other in others:
        if other.header == here:
            continue
        renamed = here._replace(name=other.header.name, generation=other.header.generation)
        for wrapped in (broken.wrapped, other.wrapped):
            if any(_opens(master, header.bound(), wrapped, broken.sealed) for header in (other.header, renamed)):
                return misplaced(here, other.header.name, other.header.generation)
    return SessionCorrupt(f"Generation {here.generation} of the session {here.name!r} is damaged: its seal is broken.")


def why_not(broken: Belonging, others: list[Belonging], master: Master) -> SessionCorrupt:
    """The error for something that belongs to a session and does not open, though the master key fits.

    ``others``: all such rows. Each is tried as the place where the payload belongs.
    """
    remedy = "Make a new one; the session itself is untouched." if broken.kind == LOAN else PUT_BACK
    what = str(broken)[:1].upper() + str(broken)[1:]
    for other in others:
        if other[:3] == broken[:3]:
            continue
        if any(_opens(master, other.bound(), wrapped, broken.sealed) for wrapped in (broken.wrapped, other.wrapped)):
            return RecordSwapped(f"{what} holds what was sealed for {other}.", remedy=remedy)
    return SessionCorrupt(f"{what} is damaged: its seal is broken.", remedy=remedy)


def _opens(master: Master, bound: bytes, wrapped: bytes, sealed: bytes) -> bool:
    try:
        master.open_record(bound, wrapped, sealed)
    except DoesNotOpen:
        return False
    return True
