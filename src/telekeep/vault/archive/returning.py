"""From an archive into the vault: each session as a new generation, on top of what is there. Inside one transaction.

Nothing goes back: the generation is newer than any that was known, the fence newer than any that was seen, and an
update state that is there stays. What belongs to sessions besides comes back only where nothing newer can be known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from telekeep.errors import SessionConflict, SessionCorrupt
from telekeep.vault.record import KEPT, REMOVED, Generation
from telekeep.vault.standing import reached
from telekeep.vault.stores.belongings import ENDPOINT, LOAN
from telekeep.vault.stores.copies import Lagged
from telekeep.vault.unlocking import first_opening

if TYPE_CHECKING:
    from telekeep.vault.archive.contents import Contents, Copy
    from telekeep.vault.archive.sealing import Opened
    from telekeep.vault.highwater import Position
    from telekeep.vault.keys.source import KeySource
    from telekeep.vault.seal import Master
    from telekeep.vault.stores.sessions import Opening, Rows, Sealed
    from telekeep.vault.unsealed import Unsealed


class Reached(NamedTuple):
    """``generation``: the newest of a name that is stored, 0 for none; ``fence``: the newest seen of a key."""

    generation: int
    fence: int


class Wanted(NamedTuple):
    """A session to put back. ``header`` and ``copy`` as in the archive; ``fence``: of the lease on its key;
    ``expected``: the newest generation of its name as it was last seen, 0 for none.
    """

    header: Generation
    copy: Copy
    fence: int
    expected: int


class Returned(NamedTuple):
    """``positions``: how far each session has come by it. ``lagged``: what is to be added to the lagging file."""

    headers: list[Generation]
    positions: list[tuple[str, Position]]
    lagged: list[tuple[str, Lagged]]


def put_back(
    unsealed: Unsealed, contents: Contents, wanted: Sequence[Wanted], *, marks: Mapping[str, Position], now: float
) -> Returned:
    """Write the sessions, and what belongs to them. Raises SessionConflict if one has changed meanwhile, StaleFence."""
    rows = unsealed.rows
    is_empty = rows.is_empty()
    numbers = rows.newest_of({each.header.name for each in wanted})
    returned = Returned([], [], [])
    records: list[Sealed] = []
    fresh = set()
    for each in wanted:
        name, lease = each.header.name, each.header.lease
        newest = numbers[name]
        if newest != each.expected:
            raise SessionConflict(
                f"The session {name!r} has changed at this very moment: generation {newest}, not {each.expected}.",
                remedy="Run the command again.",
            )
        if not newest:
            fresh.add(name)
        elif _was_anothers(rows, name, newest, lease):
            rows.belongings.drop_all(LOAN, name)
        mark = marks.get(name)
        number = max(newest, each.header.generation, mark.generation if mark else 0) + 1
        header = each.header._replace(
            generation=number, fence=each.fence, saved_at=now, state=KEPT, size=len(each.copy.payload)
        )
        record = unsealed.sealed(header, each.copy.payload)
        records.append(record)
        returned.positions.append((name, reached(record, each.fence, opened=True)))
        returned.headers.append(header)
        returned.lagged.append((lease, Lagged(each.copy.state, each.copy.peers, each.copy.last_used_at)))
    rows.admit_all({each.header.lease: each.fence for each in wanted})
    rows.add_all(records)
    for kind, name, id, payload in contents.belongings:
        if name in fresh if kind in (LOAN, ENDPOINT) else is_empty:
            unsealed.put_belonging(kind, name, id, payload)
    if is_empty:
        for lease, row in contents.quarantine:
            rows.quarantine.put(lease, row)
    return returned


def opening_of(archive: Opened, source: KeySource | None) -> tuple[Opening, Master]:
    """How a vault is opened that is made anew from ``archive``: as before, or with a key of ``source`` if nobody has
    the old one.
    """
    header = archive.header
    if not header.has_own_key:
        return header.opening, archive.master
    assert source is not None
    return first_opening(source.make(header.vault_id, fresh=False), source.name, header.vault_id)


def _was_anothers(rows: Rows, name: str, newest: int, lease: str) -> bool:
    """Whether what is there was removed, and had another key: its loans are not this session's."""
    try:
        there = rows.generation(name, newest)
    except SessionCorrupt:
        return False
    return there is not None and there.header.state == REMOVED and there.header.lease != lease
