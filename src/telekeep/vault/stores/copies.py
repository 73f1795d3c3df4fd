"""Update states and peers of many auth keys at once, on their way into an archive and back: rows of ``lagging.db``."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from telekeep.vault.seal import Seal

_FEW = 50  # auth keys; more, and the whole table is read at once


class Lagged(NamedTuple):
    """What is known of an auth key: ``state`` and ``peers`` as `telekeep.vault.payload` wrote them (empty: nothing).

    ``used``: when it was last used, in wall-clock seconds, None if that is not known.
    """

    state: bytes = b""
    peers: bytes = b""
    used: float | None = None


def read_copies(
    connection: sqlite3.Connection, leases: Collection[str], seal: Seal | None
) -> tuple[dict[str, Lagged], int]:
    """What is known of ``leases``, and how many rows did not open."""
    from telekeep.vault.payload import join_peers

    uses = {lease: used for lease, used in _rows(connection, "uses", "last_used_at", leases) if isinstance(used, float)}
    states: dict[str, bytes] = {}
    peers: defaultdict[str, list[bytes]] = defaultdict(list)
    lost = 0
    for lease, sealed in _rows(connection, "states", "sealed", leases) if seal is not None else ():
        plain = opened(seal, b"update state", lease.encode(), sealed)
        if plain is None:
            lost += 1
        else:
            states[lease] = plain
    for lease, row, sealed in _rows(connection, "peers", "row, sealed", leases) if seal is not None else ():
        plain = opened(seal, b"peer", lease.encode() + row, sealed) if isinstance(row, bytes) else None
        if plain is None:
            lost += 1
        else:
            peers[lease].append(plain)
    found = {
        lease: Lagged(states.get(lease, b""), join_peers(peers[lease]) if lease in peers else b"", uses.get(lease))
        for lease in leases
    }
    return found, lost


def write_copies(connection: sqlite3.Connection, copies: Sequence[tuple[str, Lagged]], seal: Seal) -> None:
    """Add them to what is known. An update state that is there stays: going back would tell old news again."""
    from telekeep.vault.payload import read_peers, write_peer

    for lease, copy in copies:
        if copy.used is not None:
            connection.execute(
                "INSERT INTO uses VALUES (?1, ?2) ON CONFLICT DO UPDATE SET last_used_at = max(last_used_at, ?2)",
                (lease, copy.used),
            )
        if copy.state:
            sealed = seal.close(b"update state", lease.encode(), copy.state)
            connection.execute("INSERT OR IGNORE INTO states VALUES (?, ?)", (lease, sealed))
        if copy.peers:
            known = {row for (row,) in connection.execute("SELECT row FROM peers WHERE lease = ?", (lease,))}
            rows = ((seal.row_id(lease, peer.kind.value, peer.id), peer) for peer in read_peers(copy.peers))
            connection.executemany(
                "INSERT INTO peers VALUES (?, ?, ?)",
                [
                    (lease, row, seal.close(b"peer", lease.encode() + row, write_peer(peer)))
                    for row, peer in rows
                    if row not in known
                ],
            )


def opened(seal: Seal | None, what: bytes, bound: bytes, sealed: object) -> bytes | None:
    """What was sealed; None if it does not open."""
    from telekeep.vault.seal import DoesNotOpen

    if seal is None or not isinstance(sealed, bytes):
        return None
    try:
        return seal.open(what, bound, sealed)
    except DoesNotOpen:
        return None


def _rows(connection: sqlite3.Connection, table: str, columns: str, leases: Collection[str]) -> Iterator[Any]:
    query = f"SELECT lease, {columns} FROM {table}"
    if len(leases) <= _FEW:
        for lease in leases:
            yield from connection.execute(f"{query} WHERE lease = ?", (lease,))
        return
    wanted = frozenset(leases)
    for row in connection.execute(query):
        if row[0] in wanted:
            yield row
