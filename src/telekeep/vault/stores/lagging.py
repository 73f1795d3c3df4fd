"""``lagging.db``: what may lag behind by a few seconds, and may be lost without losing a session.

Update state, peers and journal, sealed with the vault's lagging key; the time of the last use and the results of
checks, which lie open so that `telekeep status` needs no key; and hashes of requests in doubt. Each row but the last
kind is tagged with the lease name of the auth key it belongs to: access hashes mean nothing to another authorization. A
write-ahead log, synchronous=NORMAL: a commit is not synced, and a crash of the process loses none; a power cut may lose
the last seconds unless `flush` came first.

A damaged file is set aside, a new one begun, and that reported: no session becomes unreadable by it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from telekeep.database import Database, Kind, Turns, of_each
from telekeep.errors import SessionCorrupt, StorageUnavailable
from telekeep.vault.replaceable import DAMAGED, Replaceable
from telekeep.vault.stores import packs
from telekeep.vault.stores.checks import TABLES as CHECKS
from telekeep.vault.stores.checks import read_checks, read_health, write_check
from telekeep.vault.stores.copies import Lagged, opened, read_copies, write_copies
from telekeep.vault.stores.journal import TABLES, Entry, Journaled, read_journals, write_journal

if TYPE_CHECKING:
    from telekeep.clock import Clock
    from telekeep.session.model import Peer, UpdateState
    from telekeep.vault.record import Checked, Health
    from telekeep.vault.seal import Seal

_T = TypeVar("_T")
_PeerRows: TypeAlias = list[tuple[object, object]]

_VERSION_2 = (
    *TABLES,
    "CREATE TABLE doubts (name TEXT, digest BLOB, at REAL, PRIMARY KEY (name, digest)) WITHOUT ROWID",
)

_VERSION_3 = CHECKS

_VERSION_4 = packs.TABLES

LAGGING = Kind(
    noun="lagging file",
    application_id=0x544B4C31,  # TKL1
    version=4,
    journal="WAL",
    synchronous="NORMAL",
    schema=(
        "CREATE TABLE vault (vault_id TEXT)",
        "CREATE TABLE uses (lease TEXT PRIMARY KEY, last_used_at REAL) WITHOUT ROWID",
        "CREATE TABLE states (lease TEXT PRIMARY KEY, sealed BLOB) WITHOUT ROWID",
        "CREATE TABLE peers (lease TEXT, row BLOB, sealed BLOB, PRIMARY KEY (lease, row)) WITHOUT ROWID",
        *_VERSION_2,
        *_VERSION_3,
        *_VERSION_4,
    ),
    upgrades=(_VERSION_2, _VERSION_3, _VERSION_4),
)

_DOUBT = 7 * 86_400.0  # seconds after which nobody asks any more whether a request was carried out


class Lagging:
    """The file; made when something is first written. ``report`` is told, in words, of whatever was lost."""

    def __init__(
        self,
        folder: Path,
        vault_id: str,
        *,
        clock: Clock,
        report: Callable[[str], None],
        turns: Turns | None = None,
    ) -> None:
        self._database = Database(folder / "lagging.db", LAGGING, turns=turns)
        self._vault_id = vault_id
        self._clock = clock
        self._report = report
        self._file = Replaceable(
            self._database, clock=clock, report=report, afterwards="update state and peers will be fetched again"
        )

    noun = LAGGING.noun

    def is_whole(self) -> bool:
        """Whether SQLite finds nothing wrong with the file."""
        return self._database.is_whole()

    # ---- what is written

    def touch(self, lease: str, at: float, *, admit: Callable[[], None]) -> None:
        """Note the last use. ``admit`` is called when the file is locked: it may refuse by raising."""

        def write(connection: sqlite3.Connection) -> None:
            admit()
            connection.execute("INSERT OR REPLACE INTO uses VALUES (?, ?)", (lease, at))

        self._write(write)

    def touch_all(self, uses: Sequence[tuple[str, float]]) -> None:
        """Note the last use of several; a later one that is known stays."""

        def write(connection: sqlite3.Connection) -> None:
            query = "INSERT INTO uses VALUES (?, ?) ON CONFLICT DO UPDATE SET last_used_at = max(last_used_at, ?)"
            connection.executemany(query, ((lease, at, at) for lease, at in uses))

        if uses:
            self._write(write)

    def save(
        self,
        lease: str,
        seal: Seal,
        *,
        state: UpdateState | None = None,
        peers: Iterable[Peer] = (),
        journaled: Journaled | None = None,
        admit: Callable[[], None] = lambda: None,
    ) -> None:
        """Replace the update state, if one is given, and add the peers and the entries of the journal to those that are
        known, in one transaction.

        What a peer does not say (None) is kept from what was known of it.
        """
        peers = tuple(peers)
        lost = 0

        def write(connection: sqlite3.Connection) -> None:
            nonlocal lost
            admit()
            if state is not None:
                _write_state(connection, lease, seal, state)
            lost = packs.settle(connection, lease) if peers else 0
            for peer in peers:
                _write_peer(connection, lease, seal, peer)
            if journaled is not None:
                write_journal(connection, lease, seal, journaled)

        self._write(write)
        self._tell_lost(lost)

    def note_check(self, lease: str, health: Health, *, keep_from: float) -> None:
        """Note a check, and what the checks of this key come to now; see `write_check`."""
        self._write(lambda connection: write_check(connection, lease, health, keep_from=keep_from))

    def forget(self, leases: Sequence[str]) -> None:
        """Delete all rows of auth keys that no record holds any more."""

        def write(connection: sqlite3.Connection) -> None:
            for table in ("uses", "states", "peers", "packs", "journals", "kept_from", "checks", "health"):
                connection.executemany(f"DELETE FROM {table} WHERE lease = ?", ((lease,) for lease in leases))

        if self._database.inode():
            self._write(write)

    def begin_doubt(self, name: str, digest: bytes, at: float) -> None:
        """Note that a request was handed on, at wall-clock second ``at``."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO doubts VALUES (?, ?, ?)", (name, digest, at))

        self._write(write)

    def end_doubts(self, name: str, digests: Iterable[bytes]) -> None:
        """Forget these, and those that are a week old."""
        rows = [(name, digest) for digest in digests]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM doubts WHERE name = ? AND digest = ?", rows)
            connection.execute("DELETE FROM doubts WHERE name = ? AND at < ?", (name, self._clock.wall() - _DOUBT))

        if rows and self._database.inode():
            self._write(write)

    def flush(self) -> None:
        """Put on disk what was written so far."""
        if self._database.inode():
            with suppress(SessionCorrupt):  # the next write sets it aside and reports it
                self._database.run("PRAGMA wal_checkpoint(PASSIVE)")

    # ---- what is read

    def uses(self) -> dict[str, float]:
        """When each auth key was last used, by lease name."""

        def read(connection: sqlite3.Connection) -> dict[str, float]:
            rows = connection.execute("SELECT lease, last_used_at FROM uses")
            return {lease: at for lease, at in rows if isinstance(lease, str) and isinstance(at, float)}

        return self._read_uses(read, {})

    def used(self, leases: Collection[str]) -> dict[str, float]:
        """When these auth keys were last used, by lease name, those of which it is known."""

        def read(connection: sqlite3.Connection) -> dict[str, float]:
            rows = of_each(connection, "SELECT lease, last_used_at FROM uses WHERE lease IN (?)", leases)
            return {lease: at for lease, at in rows if isinstance(at, float)}

        return self._read_uses(read, {})

    def read(self, leases: Collection[str], seal: Seal) -> dict[str, tuple[UpdateState | None, tuple[Peer, ...]]]:
        """The update state and the peers of each of these auth keys. Rows that do not open are left out, and told."""
        lost = 0
        nothing: dict[str, tuple[UpdateState | None, tuple[Peer, ...]]] = {}

        def read(connection: sqlite3.Connection) -> dict[str, tuple[UpdateState | None, tuple[Peer, ...]]]:
            nonlocal lost
            states = dict(of_each(connection, "SELECT lease, sealed FROM states WHERE lease IN (?)", leases))
            peers = _peers_of(connection, leases)
            found = {}
            for lease in leases:
                state, wrong = _read_state(lease, seal, states[lease]) if lease in states else (None, 0)
                known, more = _read_peers(lease, seal, *peers[lease])
                found[lease] = state, known
                lost += wrong + more
            return found

        found = self._read(read, nothing)
        self._tell_lost(lost)
        return found

    def copies(self, leases: Collection[str]) -> dict[str, Lagged]:
        """What is known of several auth keys, by lease name, as it lies here."""
        nothing: dict[str, Lagged] = {}
        return self._read(lambda connection: read_copies(connection, leases), nothing)

    def put_back(self, copies: Sequence[tuple[str, Lagged]], *, sealed_with: Seal, seal: Seal) -> None:
        """Add what `copies` told to what is known, in one transaction; see `write_copies`."""
        lost = 0

        def write(connection: sqlite3.Connection) -> None:
            nonlocal lost
            lost = write_copies(connection, copies, sealed_with=sealed_with, seal=seal)

        self._write(write)
        self._tell_lost(lost)

    def journals(self, leases: Collection[str], seal: Seal) -> dict[str, list[Entry]]:
        """The journal of each of these auth keys. What is damaged, and all that came before it, is left out and
        reported.
        """
        lost = 0
        nothing: dict[str, list[Entry]] = {}

        def read(connection: sqlite3.Connection) -> dict[str, list[Entry]]:
            nonlocal lost
            found, lost = read_journals(connection, leases, seal)
            return found

        found = self._read(read, nothing)
        if lost:
            self._report(f"{lost} damaged pieces of the journal, and what came before them, were left out")
        return found

    def doubts(self, name: str) -> dict[bytes, float]:
        """The requests in doubt of one session, and when they were handed on."""

        def read(connection: sqlite3.Connection) -> dict[bytes, float]:
            rows = connection.execute("SELECT digest, at FROM doubts WHERE name = ?", (name,))
            return {digest: at for digest, at in rows if isinstance(digest, bytes) and isinstance(at, float)}

        return self._read(read, {})

    def view(self) -> AbstractContextManager[None]:
        """See `Database.view`."""
        return self._database.view()

    def checks(self, lease: str) -> list[Checked]:
        """The checks of one auth key, oldest first."""
        nothing: list[Checked] = []
        return self._read(lambda connection: read_checks(connection, lease), nothing)

    def health(self) -> dict[str, Health]:
        """What the checks of each auth key come to, by lease name."""
        nothing: dict[str, Health] = {}
        try:
            return self._read(read_health, nothing)
        except StorageUnavailable as error:  # as in `uses`
            self._report(f"how sessions were when they were last checked cannot be read: {error.message}")
            return {}

    def close(self) -> None:
        self._database.close()

    def rebuild(self) -> None:
        """Set the file aside, and begin a new one."""
        seen = self._database.inode()
        if seen:
            self._file.set_aside(seen, SessionCorrupt("The lagging file was to be begun anew."))
        self._begin()

    # ---- damage

    def _tell_lost(self, lost: int) -> None:
        if lost:
            self._report(f"{lost} damaged rows of update state or peers were left out; they will be fetched again")

    def _write(self, work: Callable[[sqlite3.Connection], None]) -> None:
        if not self._database.inode() and self._begin(work):
            return
        seen = self._database.inode()
        try:
            self._run(work)
        except DAMAGED as error:
            self._file.set_aside(seen, error)
            if not self._begin(work):
                self._run(work)

    def _run(self, work: Callable[[sqlite3.Connection], None]) -> None:
        with self._database.transaction() as connection:
            self._check_owner(connection)
            work(connection)

    def _read(self, work: Callable[[sqlite3.Connection], _T], nothing: _T) -> _T:
        def checked(connection: sqlite3.Connection) -> _T:
            self._check_owner(connection)
            return work(connection)

        return self._file.read(checked, nothing)

    def _read_uses(self, work: Callable[[sqlite3.Connection], _T], nothing: _T) -> _T:
        try:
            return self._read(work, nothing)
        except StorageUnavailable as error:  # no reason not to show what is kept
            self._report(f"when sessions were last used cannot be read: {error.message}")
            return nothing

    def _begin(self, work: Callable[[sqlite3.Connection], None] = lambda connection: None) -> bool:
        """Make the file, with what ``work`` writes; False if another process was quicker."""

        def fill(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO vault VALUES (?)", (self._vault_id,))
            work(connection)

        try:
            Database.create(self._database.path, LAGGING, fill)
        except FileExistsError:
            return False
        return True

    def _check_owner(self, connection: sqlite3.Connection) -> None:
        if connection.execute("SELECT vault_id FROM vault").fetchone() != (self._vault_id,):
            raise SessionCorrupt(f"{self._database.path} belongs to another vault.")


def _write_state(connection: sqlite3.Connection, lease: str, seal: Seal, state: UpdateState) -> None:
    from telekeep.vault.payload import write_state

    sealed = seal.close(b"update state", lease.encode(), write_state(state))
    connection.execute("INSERT OR REPLACE INTO states VALUES (?, ?)", (lease, sealed))


def _read_state(lease: str, seal: Seal, sealed: object) -> tuple[UpdateState | None, int]:
    from telekeep.vault.payload import read_state

    plain = opened(seal, b"update state", lease.encode(), sealed)
    return (read_state(plain), 0) if plain is not None else (None, 1)


def _write_peer(connection: sqlite3.Connection, lease: str, seal: Seal, peer: Peer) -> None:
    from telekeep.vault.payload import read_peer, write_peer

    row_id = seal.row_id(lease, peer.kind.value, peer.id)
    bound = lease.encode() + row_id
    found = connection.execute("SELECT sealed FROM peers WHERE lease = ? AND row = ?", (lease, row_id)).fetchone()
    plain = opened(seal, b"peer", bound, found[0]) if found else None
    known = read_peer(plain) if plain is not None else None
    merged = _merged(known, peer)
    if merged != known:
        connection.execute(
            "INSERT OR REPLACE INTO peers VALUES (?, ?, ?)",
            (lease, row_id, seal.close(b"peer", bound, write_peer(merged))),
        )


def _peers_of(connection: sqlite3.Connection, leases: Collection[str]) -> dict[str, tuple[_PeerRows, object]]:
    """The rows of the peers of each of these auth keys, and those that lie in one piece."""
    rows: dict[str, _PeerRows] = {lease: [] for lease in leases}
    for lease, *row in of_each(connection, "SELECT lease, row, sealed FROM peers WHERE lease IN (?)", leases):
        rows.setdefault(lease, []).append((row[0], row[1]))  # a damaged file may tell what nobody asked for
    pieces = dict(of_each(connection, "SELECT lease, peers FROM packs WHERE lease IN (?)", leases))
    return {lease: (rows[lease], pieces.get(lease, b"")) for lease in leases}


def _read_peers(lease: str, seal: Seal, rows: _PeerRows, piece: object) -> tuple[tuple[Peer, ...], int]:
    from telekeep.vault.payload import read_peer

    peers: list[Peer] = []
    together = packs.unpacked(piece)
    lost = int(together is None)
    for row_id, sealed in (*rows, *(together or ())):
        plain = opened(seal, b"peer", lease.encode() + row_id, sealed) if isinstance(row_id, bytes) else None
        if plain is None:
            lost += 1
        else:
            peers.append(read_peer(plain))
    return tuple(sorted(peers, key=lambda peer: (peer.kind, peer.id))), lost


def _merged(known: Peer | None, peer: Peer) -> Peer:
    if known is None:
        return peer
    return replace(
        peer,
        access_hash=peer.access_hash if peer.access_hash is not None else known.access_hash,
        username=peer.username if peer.username is not None else known.username,
        phone=peer.phone if peer.phone is not None else known.phone,
        name=peer.name if peer.name is not None else known.name,
    )
