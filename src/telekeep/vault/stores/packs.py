"""The peers of an auth key in one piece, as an archive holds them: rows of ``lagging.db``.

A session that was put back has all its peers in one row until somebody adds to them: fifty thousand rows for a thousand
sessions would take three times as long as all the rest. What lies here is sealed peer by peer; the frame around them is
not, so it is believed only where its numbers agree.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Sequence
from typing import TypeAlias

TABLES = ("CREATE TABLE packs (lease TEXT PRIMARY KEY, peers BLOB) WITHOUT ROWID",)

Row: TypeAlias = tuple[bytes, bytes]
"""The name of a row, and what is sealed in it."""

_NAME = 16  # bytes of a row's name, see `Seal.row_id`
_COUNT = struct.Struct("<I")


def packed(rows: Sequence[tuple[object, object]]) -> bytes:
    """``rows`` in one piece: how many, the lengths of what is sealed, the names, what is sealed. Empty for none.

    What cannot be a row is left out.
    """
    if not rows:
        return b""
    names, sealed = zip(*rows, strict=True)
    if set(map(type, names + sealed)) != {bytes} or set(map(len, names)) != {_NAME}:
        return packed([each for each in rows if type(each[0]) is type(each[1]) is bytes and len(each[0]) == _NAME])
    return b"".join((_COUNT.pack(len(rows)), struct.pack(f"<{len(rows)}I", *map(len, sealed)), *names, *sealed))


def unpacked(pack: object) -> list[Row] | None:
    """The rows of what `packed` made; None if its numbers do not agree."""
    if pack == b"":
        return []
    lengths = _lengths(pack)
    if lengths is None:
        return None
    assert isinstance(pack, bytes)
    name = _COUNT.size + 4 * len(lengths)
    at = name + _NAME * len(lengths)
    rows = []
    for length in lengths:
        rows.append((pack[name : name + _NAME], pack[at : at + length]))
        name += _NAME
        at += length
    return rows


def is_whole(pack: object) -> bool:
    """Whether `unpacked` can read it."""
    return pack == b"" or _lengths(pack) is not None


def _lengths(pack: object) -> tuple[int, ...] | None:
    if not isinstance(pack, bytes) or len(pack) < _COUNT.size:
        return None
    (count,) = _COUNT.unpack_from(pack)
    if len(pack) < _COUNT.size + (4 + _NAME) * count:
        return None
    lengths: tuple[int, ...] = struct.unpack_from(f"<{count}I", pack, _COUNT.size)
    return lengths if len(pack) == _COUNT.size + (4 + _NAME) * count + sum(lengths) else None


# ---- the table, inside one transaction


def find(connection: sqlite3.Connection, lease: str) -> object:
    """What lies there of an auth key; empty if nothing does."""
    row = connection.execute("SELECT peers FROM packs WHERE lease = ?", (lease,)).fetchone()
    return b"" if row is None else row[0]


def put(connection: sqlite3.Connection, packs: Sequence[tuple[str, bytes]]) -> int:
    """Add the peers of auth keys, by lease, to those that are known, and return how many pieces could not be read.

    What is known wins. Of a key of which nothing is known, they stay in one piece.
    """
    lost = 0
    fresh = []
    for lease, pack in packs:
        if not is_whole(pack):
            lost += 1
        elif pack and connection.execute(_KNOWN, (lease,)).fetchone() is None:
            fresh.append((lease, pack))
        else:
            lost += settle(connection, lease)
            _add(connection, lease, unpacked(pack) or [])
    connection.executemany("INSERT INTO packs VALUES (?, ?)", fresh)
    return lost


_KNOWN = "SELECT 1 FROM packs WHERE lease = ?1 UNION ALL SELECT 1 FROM peers WHERE lease = ?1 LIMIT 1"


def settle(connection: sqlite3.Connection, lease: str) -> int:
    """Give each peer of an auth key a row of its own, before one is written. Returns how many pieces were lost."""
    pack = find(connection, lease)
    if pack == b"":
        return 0
    rows = unpacked(pack)
    _add(connection, lease, rows or [])
    connection.execute("DELETE FROM packs WHERE lease = ?", (lease,))
    return int(rows is None)


def _add(connection: sqlite3.Connection, lease: str, rows: Sequence[Row]) -> None:
    connection.executemany("INSERT OR IGNORE INTO peers VALUES (?, ?, ?)", ((lease, *row) for row in rows))
