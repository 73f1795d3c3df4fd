"""Entries that are told at the same time, as one ``updates`` where they show the same people.

A stock client takes as long to read who is shown as what has happened, and some more for each message it is sent. Pure.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from telekeep.gateway.entries import HEAD, TAIL, Entry
from telekeep.mtproto.schema import VECTOR

_MOST: Final = 100  # entries told as one
_COUNT = struct.Struct("<I")
_VECTOR = struct.Struct("<II")
_UPDATES: Final = len(HEAD) + _VECTOR.size  # where the first update begins


def together(entries: Iterable[Entry]) -> list[bytes]:
    """What tells ``entries``, in their order, in as few bodies as may be."""
    bodies = []
    for people, those in groupby(entries, _people):
        several = list(those)
        if people is None:
            bodies += [entry.body for entry in several]
        else:
            bodies += [_joined(portion, people) for portion in _portions(several)]
    return bodies


def _people(entry: Entry) -> bytes | None:
    """Those it shows, serialised; None if it is not known where they are."""
    return entry.body[entry.people_at : -TAIL.size] if entry.people_at else None


def _portions(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    return (entries[start : start + _MOST] for start in range(0, len(entries), _MOST))


def _joined(entries: Sequence[Entry], people: bytes) -> bytes:
    if len(entries) == 1:
        return entries[0].body
    count = sum(_COUNT.unpack_from(entry.body, _UPDATES - _COUNT.size)[0] for entry in entries)
    told = [entry.body[_UPDATES : entry.people_at] for entry in entries]
    return b"".join((HEAD, _VECTOR.pack(VECTOR, count), *told, people, TAIL.pack(entries[-1].date, 0)))
