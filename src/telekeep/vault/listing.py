"""The list of what is kept, from what the files show without a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from telekeep.vault.highwater import Position, is_older
from telekeep.vault.record import DAMAGED, MISSING, ROLLED_BACK, Entry, entry_of, unreadable_entry
from telekeep.vault.stores.sessions import Listed


def listed(lines: Sequence[Listed], *, marks: Mapping[str, Position], uses: Mapping[str, float]) -> list[Entry]:
    """An entry for every line, and for every record that only its high-water mark remembers; in the order of names."""
    entries = [_entry(line, marks.get(line.name), uses) for line in lines]
    there = {entry.name for entry in entries}
    entries += [
        unreadable_entry(name, MISSING, lease=mark.lease, generation=mark.generation, fence=mark.fence)
        for name, mark in marks.items()
        if name not in there
    ]
    return sorted(entries, key=lambda entry: entry.name)


def _entry(line: Listed, mark: Position | None, uses: Mapping[str, float]) -> Entry:
    if line.header is None:
        return unreadable_entry(line.name, DAMAGED, generation=line.generation, fence=line.fence)
    entry = entry_of(line.header, fence=line.fence, last_used_at=uses.get(line.header.lease))
    here = Position(entry.generation, entry.lease, entry.fence)
    return replace(entry, state=ROLLED_BACK) if mark is not None and is_older(here, mark) else entry
