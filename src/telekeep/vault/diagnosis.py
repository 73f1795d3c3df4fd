"""Why a record does not open: damaged, or holding what was sealed for another."""

from __future__ import annotations

from telekeep.errors import SessionCorrupt
from telekeep.vault.record import Generation
from telekeep.vault.seal import DoesNotOpen, Master
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
            if any(_opens(master, header, wrapped, broken.sealed) for header in (other.header, renamed)):
                return misplaced(here, other.header.name, other.header.generation)
    return SessionCorrupt(f"Generation {here.generation} of the session {here.name!r} is damaged: its seal is broken.")


def _opens(master: Master, header: Generation, wrapped: bytes, sealed: bytes) -> bool:
    try:
        master.open_record(header.bound(), wrapped, sealed)
    except DoesNotOpen:
        return False
    return True
