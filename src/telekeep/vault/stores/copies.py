"""Update states and peers of many auth keys at once, on their way into an archive and back: rows of ``lagging.db``.

They are copied as they lie, sealed with the lagging key, which goes with them: opening each would take ten times as
long, and a row that is damaged is worth no more than one that is not there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from telekeep.vault.stores import packs

if TYPE_CHECKING:
    from telekeep.vault.seal import Seal

_FEW = 50  # auth keys; more, and the whole table is read at once


class Lagged(NamedTuple):
    """What is known of an auth key, sealed: ``state``, and the ``peers`` as `stores.packs` packs them (empty: nothing).

    ``used``: when it was last used, in wall-clock seconds, None if that is not known.
    """

    state: bytes = b""
    peers: bytes = b""
    used: float | None = None


def read_copies(connection: sqlite3.Connection, leases: Collection[str]) -> dict[str, Lagged]:
    """What is known of ``leases``."""
    uses = {lease: used for lease, used in _rows(connection, "uses", "last_used_at", leases) if isinstance(used, float)}
    states = {lease: sealed for lease, sealed in _rows(connection, "states", "sealed", leases) if type(sealed) is bytes}
    pieces = dict(_rows(connection, "packs", "peers", leases))
    return {
        lease: Lagged(states.get(lease, b""), _peers(connection, lease, pieces.get(lease, b"")), uses.get(lease))
        for lease in sorted(leases)
    }


def write_copies(
    connection: sqlite3.Connection, copies: Sequence[tuple[str, Lagged]], *, sealed_with: Seal, seal: Seal
) -> int:
    """Add them to what is known, and return how many rows did not open. What is known wins: an update state that went
    back would tell old news again.

    ``sealed_with``: what they are sealed with; ``seal``: what this file is sealed with.
    """
    copies = sorted(copies, key=lambda each: each[0])  # in the order of the tables, which is quicker
    uses = [(lease, copy.used) for lease, copy in copies if copy.used is not None]
    states = [(lease, copy.state) for lease, copy in copies if copy.state]
    peers = [(lease, copy.peers) for lease, copy in copies if copy.peers]
    lost = 0
    if not seal.is_same(sealed_with):
        lost = len(states)
        states = [(lease, plain) for lease, old in states if (plain := _state(lease, old, sealed_with, seal))]
        lost -= len(states)
        for number, (lease, pack) in enumerate(peers):
            rows = packs.unpacked(pack) or []
            anew = [row for each in rows if (row := _peer(lease, *each, sealed_with, seal))]
            lost += len(rows) - len(anew)
            peers[number] = lease, packs.packed(anew)
    connection.executemany(
        "INSERT INTO uses VALUES (?1, ?2) ON CONFLICT DO UPDATE SET last_used_at = max(last_used_at, ?2)", uses
    )
    connection.executemany("INSERT OR IGNORE INTO states VALUES (?, ?)", states)
    return lost + packs.put(connection, peers)


def opened(seal: Seal, what: bytes, bound: bytes, sealed: object) -> bytes | None:
    """What was sealed; None if it does not open."""
    from telekeep.vault.seal import DoesNotOpen

    if not isinstance(sealed, bytes):
        return None
    try:
        return seal.open(what, bound, sealed)
    except DoesNotOpen:
        return None


def _state(lease: str, sealed: bytes, old: Seal, new: Seal) -> bytes | None:
    plain = opened(old, b"update state", lease.encode(), sealed)
    return None if plain is None else new.close(b"update state", lease.encode(), plain)


def _peer(lease: str, row: bytes, sealed: bytes, old: Seal, new: Seal) -> packs.Row | None:
    from telekeep.vault.payload import read_peer

    plain = opened(old, b"peer", lease.encode() + row, sealed)
    if plain is None:
        return None
    peer = read_peer(plain)
    row = new.row_id(lease, peer.kind.value, peer.id)
    return row, new.close(b"peer", lease.encode() + row, plain)


def _peers(connection: sqlite3.Connection, lease: str, pack: object) -> bytes:
    """The peers of one key, in one piece."""
    rows = connection.execute("SELECT row, sealed FROM peers WHERE lease = ?", (lease,)).fetchall()
    if not rows and isinstance(pack, bytes) and packs.is_whole(pack):
        return pack
    return packs.packed(rows)


def _rows(connection: sqlite3.Connection, table: str, columns: str, leases: Collection[str]) -> Iterator[Any]:
    query = f"SELECT lease, {columns} FROM {table}"
    if len(leases) <= _FEW:
        for lease in leases:
            yield from connection.execute(f"{query} WHERE lease = ?", (lease,))
        return
    wanted = frozenset(leases)
    yield from [row for row in connection.execute(query) if row[0] in wanted]
