"""The journal in the lagging file: numbered entries of one auth key, sealed in batches. Inside one transaction.

A batch is sealed as one: entries come in hundreds, and a row of its own for each would cost ten times as much. Every
batch says which entry came before it, so that a hole is seen; what is before a hole is of no use to anybody.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from telekeep.database import of_each

if TYPE_CHECKING:
    from telekeep.vault.seal import Seal

MOST_ENTRIES = 20_000  # of one auth key; the oldest go first
MOST_BYTES = 16 * 1024 * 1024
BATCH_ENTRIES = 256
BATCH_BYTES = 256 * 1024

TABLES = (
    "CREATE TABLE journals (lease TEXT, last INTEGER, entries INTEGER, bytes INTEGER, sealed BLOB,"
    " UNIQUE (lease, last, entries, bytes))",  # an index that sums can be read from
    "CREATE TABLE kept_from (lease TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID",
)

Entry: TypeAlias = tuple[int, bytes]

_BEFORE = struct.Struct("<q")  # the number of the entry before the batch
_ENTRY = struct.Struct("<qI")  # number and length; the payload follows
_NONE = -1 << 63


class Journaled(NamedTuple):
    """What is to be added: ``entries`` in the order of their numbers. Those below ``keep_from`` may go."""

    entries: Sequence[Entry]
    keep_from: int


def write_journal(connection: sqlite3.Connection, lease: str, seal: Seal, journaled: Journaled) -> None:
    """Add entries. A number that is stored already, or one below it, begins the journal anew.

    Raises ValueError if the numbers do not grow.
    """
    entries, keep_from = journaled
    if any(entry[0] <= before[0] for before, entry in pairwise(entries)):
        raise ValueError("the numbers of journal entries must grow")
    newest = newest_that_fit([entry for entry in entries if entry[0] >= keep_from])
    before = connection.execute("SELECT max(last) FROM journals WHERE lease = ?", (lease,)).fetchone()[0]
    damaged = not isinstance(before, int | None)
    if damaged or (entries and before is not None and (len(newest) < len(entries) or entries[0][0] <= before)):
        connection.execute("DELETE FROM journals WHERE lease = ?", (lease,))
        before = None
    for batch in batches(newest):
        sealed = seal.close(b"journal", _bound(lease, batch[-1][0]), pack(_NONE if before is None else before, batch))
        row = (lease, batch[-1][0], len(batch), len(sealed), sealed)
        connection.execute("INSERT INTO journals VALUES (?, ?, ?, ?, ?)", row)
        before = batch[-1][0]
    connection.execute("DELETE FROM journals WHERE lease = ? AND last < ?", (lease, keep_from))
    _forget_surplus(connection, lease)
    kept_from = connection.execute("SELECT number FROM kept_from WHERE lease = ?", (lease,)).fetchone()
    if kept_from != (keep_from,):
        connection.execute("INSERT OR REPLACE INTO kept_from VALUES (?, ?)", (lease, keep_from))


def read_journals(
    connection: sqlite3.Connection, leases: Collection[str], seal: Seal
) -> tuple[dict[str, list[Entry]], int]:
    """The entries of each of these auth keys in the order of their numbers, and how many batches were damaged or
    missing: those before are lost.

    Without a hole: after the first entry, all that were written are there.
    """
    from telekeep.vault.seal import DoesNotOpen

    journals: dict[str, list[Entry]] = {lease: [] for lease in leases}
    lost = 0
    query = "SELECT lease, last, sealed FROM journals WHERE lease IN (?) ORDER BY last"
    for lease, last, sealed in of_each(connection, query, leases):
        entries = journals.setdefault(lease, [])  # in a damaged file, a row may come up that nobody asked for
        try:
            before, batch = unpack(seal.open(b"journal", _bound(lease, last), sealed))
        except (DoesNotOpen, TypeError, struct.error):  # TypeError: a damaged column is of another type
            lost += 1
            entries.clear()
            continue
        if entries and entries[-1][0] != before:
            lost += 1
            entries.clear()
        entries += batch
    for lease, first in of_each(connection, "SELECT lease, number FROM kept_from WHERE lease IN (?)", leases):
        if isinstance(first, int):
            journals[lease] = [entry for entry in journals.get(lease, ()) if entry[0] >= first]
    return journals, lost


def _forget_surplus(connection: sqlite3.Connection, lease: str) -> None:
    query = "SELECT sum(entries), sum(bytes) FROM journals WHERE lease = ?"
    entries, size = connection.execute(query, (lease,)).fetchone()
    if not _too_much(entries or 0, size or 0):
        return
    rows = connection.execute("SELECT last, entries, bytes FROM journals WHERE lease = ? ORDER BY last", (lease,))
    for last, count, length in rows.fetchall():
        connection.execute("DELETE FROM journals WHERE lease = ? AND last = ?", (lease, last))
        entries, size = entries - _number(count), size - _number(length)
        if not _too_much(entries, size):
            return


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0  # damaged: SQLite's sum counted it as nothing, too


def _too_much(entries: int, size: int) -> bool:
    return entries > MOST_ENTRIES or size > MOST_BYTES


def _bound(lease: str, last: int) -> bytes:
    return f"{len(lease)}:{lease},{last}".encode()


# ---- pure


def newest_that_fit(entries: Sequence[Entry]) -> Sequence[Entry]:
    """The end of ``entries`` that is within the limits."""
    size = 0
    for index in range(len(entries) - 1, -1, -1):
        size += _ENTRY.size + len(entries[index][1])
        if _too_much(len(entries) - index, size):
            return entries[index + 1 :]
    return entries


def batches(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """``entries`` in portions of at most 256 and, unless one alone is larger, 256 KiB."""
    begin, size = 0, 0
    for index, (_, payload) in enumerate(entries):
        if index > begin and (index - begin == BATCH_ENTRIES or size + len(payload) > BATCH_BYTES):
            yield entries[begin:index]
            begin, size = index, 0
        size += len(payload)
    if begin < len(entries):
        yield entries[begin:]


def pack(before: int, batch: Sequence[Entry]) -> bytes:
    """A batch as bytes."""
    parts = [_BEFORE.pack(before)]
    for number, payload in batch:
        parts += (_ENTRY.pack(number, len(payload)), payload)
    return b"".join(parts)


def unpack(packed: bytes) -> tuple[int, list[Entry]]:
    """What `pack` packed. Raises struct.error if a newer telekeep packed it otherwise."""
    (before,) = _BEFORE.unpack_from(packed)
    at, batch = _BEFORE.size, []
    while at < len(packed):
        number, length = _ENTRY.unpack_from(packed, at)
        at += _ENTRY.size + length
        batch.append((number, packed[at - length : at]))
    return before, batch
