"""Which generation of a record is in force, and whether it is as new as it was known to be."""

from __future__ import annotations

from collections.abc import Collection

from telekeep.errors import (
    ConfigError,
    SessionConflict,
    SessionCorrupt,
    SessionNotFound,
    TelekeepError,
    VaultRolledBack,
)
from telekeep.vault.highwater import Marks, Position, is_older
from telekeep.vault.record import REMOVED, Generation, check_name
from telekeep.vault.stores.sessions import Rows, Sealed

_TAG_BYTES = 16  # of AES-GCM, at the end of the sealed payload: no two generations share one


def position(rows: Rows, sealed: Sealed, *, opened: bool = False) -> Position:
    """How far the record has come whose newest generation is ``sealed``. ``opened``: its seal is known to be whole."""
    header = sealed.header
    return reached(sealed, max(header.fence, rows.fence(header.lease)), opened=opened)


def reached(sealed: Sealed, fence: int, *, opened: bool) -> Position:
    """The same, where the newest ``fence`` of its key is known."""
    header = sealed.header
    return Position(header.generation, header.lease, fence, sealed.sealed[-_TAG_BYTES:] if opened else None)


def in_force(rows: Rows, marks: Marks, name: str) -> Sealed:
    """The generation of ``name`` that is in force, removed or not, compared with its mark.

    Raises SessionNotFound if there is none, VaultRolledBack if there was a newer one, SessionCorrupt or RecordSwapped
    if its header cannot be believed.
    """
    check_name(name)
    current, last = rows.numbers(name)
    if not (current or last):
        marks.check(name, None)
        raise not_found(name)
    if current < last:
        raise VaultRolledBack(f"The session {name!r} is at generation {current}, but {last} was written.")
    sealed = rows.generation(name, current)
    if sealed is None:
        raise VaultRolledBack(f"Generation {current} of the session {name!r} is not in the vault any more.")
    marks.check(name, position(rows, sealed))
    return sealed


def kept(rows: Rows, marks: Marks, name: str) -> Sealed:
    """As `in_force`; SessionNotFound if it was removed."""
    sealed = in_force(rows, marks, name)
    if sealed.header.state == REMOVED:
        raise removed(name)
    return sealed


def kept_each(rows: Rows, marks: Marks, names: Collection[str]) -> dict[str, tuple[Sealed, int] | TelekeepError]:
    """What `kept` returns or raises of each of ``names``, with the newest fence of its key.

    They are read together; one that is not plainly well is looked at alone, which tells what is wrong with it.
    """
    well = _well(rows, marks, names)
    found: dict[str, tuple[Sealed, int] | TelekeepError] = {}
    for name in names:
        try:
            check_name(name)
            if name not in well:
                sealed = kept(rows, marks, name)
                well[name] = sealed, position(rows, sealed).fence
            found[name] = well[name]
        except TelekeepError as error:
            found[name] = error
    return found


def _well(rows: Rows, marks: Marks, names: Collection[str]) -> dict[str, tuple[Sealed, int]]:
    known = marks.of(names)
    found = {}
    for name, sealed, fence in rows.standing(names):
        if sealed is None or fence is None or sealed.header.state == REMOVED:
            continue
        mark, here = known.get(name), reached(sealed, max(sealed.header.fence, fence), opened=False)
        if mark is None or not is_older(here, mark):
            found[name] = sealed, here.fence
    return found


def older(rows: Rows, name: str, generation: int) -> Sealed:
    """One generation by its number, whatever is in force. Raises SessionNotFound if it is not stored."""
    check_name(name)
    sealed = rows.generation(name, generation)
    if sealed is None:
        raise SessionNotFound(
            f"Generation {generation} of the session {name!r} is not kept.",
            remedy=f"Run `telekeep history {name}` to see which are.",
        )
    if sealed.header.state == REMOVED:
        raise removed(name)
    return sealed


def replaceable(rows: Rows, marks: Marks, name: str, expected: int | None) -> tuple[int, Generation | None]:
    """The newest generation's number (0: none) and its header, if a newer one may replace it.

    A damaged one may be replaced; its header is None then. Raises ConfigError if the name should be free and is not,
    SessionConflict if another generation than ``expected`` is there, VaultRolledBack if it is older than its mark.
    """
    number = rows.newest(name)
    header: Generation | None = None
    try:
        header = in_force(rows, marks, name).header
    except SessionNotFound:
        pass
    except SessionCorrupt as error:
        if isinstance(error, VaultRolledBack) and (not number or _is_whole(rows, name, number)):
            raise
    if expected is None and number and (header is None or header.state != REMOVED):
        raise ConfigError(
            f"There is a session named {name!r} already.",
            remedy=f"Choose another name, or run `telekeep remove {name}` first: it is set aside, not destroyed.",
        )
    if expected is not None and expected != number:
        raise SessionConflict(
            f"The session {name!r} has changed since it was read: generation {number}, not {expected}.",
            remedy="Read it again, then repeat what was to be done.",
        )
    return number, header


def _is_whole(rows: Rows, name: str, number: int) -> bool:
    try:
        return rows.generation(name, number) is not None
    except SessionCorrupt:
        return False


def not_found(name: str) -> SessionNotFound:
    """There is no record of that name, and there was none."""
    return SessionNotFound(f"No session named {name!r} is kept here.")


def removed(name: str) -> SessionNotFound:
    """There was one, and it was set aside."""
    return SessionNotFound(
        f"The session {name!r} was removed.",
        remedy=f"It was set aside, not destroyed: `telekeep remove {name} --undo` brings it back.",
    )
