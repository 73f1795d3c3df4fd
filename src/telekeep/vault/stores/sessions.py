"""``sessions.db``: what must never be lost. Every commit is on disk before it returns.

The journal is a rollback journal that is truncated (and synced) at commit, not a write-ahead log: at rest the vault is
one whole file, which a read-only disk can serve and a copy does not tear. With synchronous=FULL that is three syncs per
commit, for a file that is written when somebody logs in.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, TypeVar
from zlib import crc32

from telekeep.database import PUT_BACK, Database, Kind, Turns, of_each
from telekeep.errors import RecordSwapped, SessionCorrupt, StaleFence, VaultRolledBack
from telekeep.vault.record import DAMAGED, Generation
from telekeep.vault.stores.belongings import Belongings
from telekeep.vault.stores.quarantine import TABLE, Quarantines

_T = TypeVar("_T")

_VERSION_2 = (
    "CREATE TABLE belongings (kind TEXT, name TEXT, id TEXT, wrapped BLOB, sealed BLOB, PRIMARY KEY (kind, name, id))"
    " WITHOUT ROWID",
)

_VERSION_3 = (TABLE,)

SESSIONS = Kind(
    noun="vault",
    application_id=0x544B5631,  # TKV1
    version=3,
    journal="TRUNCATE",
    synchronous="FULL",
    schema=(
        "CREATE TABLE vault (id INTEGER PRIMARY KEY, vault_id TEXT, source TEXT, parameters TEXT, verifier BLOB,"
        " epoch INTEGER, checksum INTEGER, machine TEXT)",
        "CREATE TABLE keys (purpose TEXT PRIMARY KEY, wrapped BLOB) WITHOUT ROWID",
        "CREATE TABLE records (name TEXT PRIMARY KEY, generation INTEGER) WITHOUT ROWID",
        "CREATE TABLE generations (name TEXT, generation INTEGER, lease TEXT, network TEXT, dc_id INTEGER,"
        " fence INTEGER, created_at REAL, saved_at REAL, state TEXT, size INTEGER, checksum INTEGER, wrapped BLOB,"
        " sealed BLOB, PRIMARY KEY (name, generation)) WITHOUT ROWID",
        "CREATE TABLE fences (lease TEXT PRIMARY KEY, fence INTEGER) WITHOUT ROWID",
        *_VERSION_2,
        *_VERSION_3,
    ),
    upgrades=(_VERSION_2, _VERSION_3),
)

_HEADER = "g.name, g.generation, g.lease, g.network, g.dc_id, g.fence, g.created_at, g.saved_at, g.state, g.size"
_HEADER_TYPES = (str, int, str, str, int, int, float, float, str, int)


class Opening(NamedTuple):
    """How this vault is opened: the kind of key source, what that needs to know, and a verifier for its key.

    ``epoch`` counts the rotations: a key from an earlier one is asked for again.
    """

    vault_id: str
    source: str
    parameters: str
    verifier: bytes
    epoch: int

    def bound(self) -> bytes:
        """What the verifier is bound to: everything but itself."""
        fields = (self.source, self.parameters, str(self.epoch))
        return "".join(f"{len(field)}:{field}," for field in fields).encode()

    def checksum(self) -> int:
        return crc32(self.bound() + self.vault_id.encode() + self.verifier)


class Sealed(NamedTuple):
    """A generation with what is hidden: its data key, wrapped, and its payload, sealed."""

    header: Generation
    wrapped: bytes
    sealed: bytes


class Listed(NamedTuple):
    """A line of the list. ``header`` is None when there is none that can be read."""

    name: str
    generation: int
    header: Generation | None
    fence: int


class Standing(NamedTuple):
    """A record as it stands. ``sealed`` is None if its newest generation cannot be read, or is not in force; ``fence``
    if it is damaged.
    """

    name: str
    sealed: Sealed | None
    fence: int | None


class Sessions:
    """The file. Everything in it is reached through `transaction` or `reading`."""

    def __init__(self, folder: Path, *, turns: Turns | None = None) -> None:
        self._database = Database(folder / "sessions.db", SESSIONS, turns=turns)

    @property
    def path(self) -> Path:
        return self._database.path

    @staticmethod
    def create(folder: Path, opening: Opening, *, machine: str, keys: Mapping[str, bytes]) -> None:
        """Make the file, with the wrapped ``keys`` by purpose. Raises FileExistsError."""

        def fill(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO vault (id, machine) VALUES (1, ?)", (machine,))
            rows = Rows(connection)
            rows.set_opening(opening)
            for purpose, wrapped in keys.items():
                rows.set_key(purpose, wrapped)

        Database.create(folder / "sessions.db", SESSIONS, fill)

    noun = SESSIONS.noun

    def is_whole(self) -> bool:
        """Whether SQLite finds nothing wrong with the file."""
        return self._database.is_whole()

    @contextmanager
    def transaction(self) -> Iterator[Rows]:
        """Read and write; all or nothing."""
        with self._database.transaction() as connection:
            yield Rows(connection)

    def reading(self) -> AbstractContextManager[Rows]:
        """Read one view."""
        return _Reading(self._database.reading())

    def view(self) -> AbstractContextManager[None]:
        """See `Database.view`."""
        return self._database.view()

    @property
    def is_viewed(self) -> bool:
        """Whether this thread is inside of `view`."""
        return self._database.is_viewed

    def close(self) -> None:
        self._database.close()


class _Reading:
    """The rows while the file is read. A class: it is entered some twenty times for each session that is opened."""

    __slots__ = ("_connection",)

    def __init__(self, connection: AbstractContextManager[sqlite3.Connection]) -> None:
        self._connection = connection

    def __enter__(self) -> Rows:
        return Rows(self._connection.__enter__())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._connection.__exit__(kind, error, trace)


class Rows:
    """The rows, inside one transaction. Nothing read here is believed before its type and checksum are right.

    ``belongings``: what belongs to the records besides their generations; ``quarantine``: keys that are dead.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.belongings = Belongings(connection)
        self.quarantine = Quarantines(connection)

    # ---- how it is opened, and where it lives

    def opening(self) -> Opening:
        query = "SELECT vault_id, source, parameters, verifier, epoch, checksum FROM vault WHERE id = 1"
        return _opening(self._connection.execute(query).fetchone())

    def set_opening(self, opening: Opening) -> None:
        self._connection.execute(
            "UPDATE vault SET vault_id = ?, source = ?, parameters = ?, verifier = ?, epoch = ?, checksum = ?",
            (
                opening.vault_id,
                opening.source,
                opening.parameters,
                opening.verifier,
                opening.epoch,
                opening.checksum(),
            ),
        )

    def machine(self) -> str:
        return self._one("SELECT machine FROM vault WHERE id = 1", (), str) or ""

    def set_machine(self, machine: str) -> None:
        self._connection.execute("UPDATE vault SET machine = ?", (machine,))

    def key(self, purpose: str) -> bytes | None:
        """The wrapped key for ``purpose``; None if there is none."""
        return self._one("SELECT wrapped FROM keys WHERE purpose = ?", (purpose,), bytes)

    def set_key(self, purpose: str, wrapped: bytes) -> None:
        self._connection.execute("INSERT OR REPLACE INTO keys VALUES (?, ?)", (purpose, wrapped))

    # ---- records and their generations

    def listing(self) -> list[Listed]:
        """Every record, in the order of names, the removed and the damaged included."""
        query = (
            f"SELECT r.name, r.generation, f.fence, g.checksum, {_HEADER} FROM records r"
            " LEFT JOIN generations g ON g.name = r.name AND g.generation = r.generation"
            " LEFT JOIN fences f ON f.lease = g.lease ORDER BY r.name"
        )
        return [
            Listed(
                name if isinstance(name, str) else repr(name),
                generation if isinstance(generation, int) else 0,
                _header(row, checksum),
                fence if isinstance(fence, int) else 0,
            )
            for name, generation, fence, checksum, *row in self._connection.execute(query).fetchall()
        ]

    def standing(self, names: Collection[str] | None = None) -> list[Standing]:
        """The records of these names, or every record in the order of names, with what is sealed of the generation in
        force.
        """
        query = (
            "SELECT r.name, r.generation, (SELECT max(generation) FROM generations WHERE name = r.name), f.fence,"
            f" g.checksum, g.wrapped, g.sealed, {_HEADER} FROM records r"
            " LEFT JOIN generations g ON g.name = r.name AND g.generation = r.generation"
            " LEFT JOIN fences f ON f.lease = g.lease"
        )
        rows = (
            self._connection.execute(f"{query} ORDER BY r.name").fetchall()
            if names is None
            else of_each(self._connection, f"{query} WHERE r.name IN (?)", names)
        )
        found = []
        for name, current, last, fence, checksum, wrapped, sealed, *row in rows:
            header = _header(row, checksum) if current == last and _typed((wrapped, sealed), (bytes, bytes)) else None
            there = Sealed(header, wrapped, sealed) if header is not None else None
            newest = 0 if fence is None else fence if isinstance(fence, int) else None
            found.append(Standing(str(name), there, newest))
        return found

    def newest(self, name: str) -> int:
        """The number of the newest generation of ``name``; 0 if there is no such record.

        Both tables are asked: where they disagree, the larger number counts for writing and the record cannot be read.
        """
        return max(self.numbers(name))

    def is_empty(self) -> bool:
        """Whether nothing was ever kept here."""
        query = "SELECT 1 WHERE EXISTS (SELECT 1 FROM records) OR EXISTS (SELECT 1 FROM generations)"
        return self._connection.execute(query).fetchone() is None

    def newest_of(self, names: Collection[str]) -> dict[str, int]:
        """The same of several names."""
        query = (
            "SELECT name, generation FROM records UNION ALL SELECT name, max(generation) FROM generations GROUP BY name"
        )
        found = dict.fromkeys(names, 0)
        for name, number in self._connection.execute(query):
            if name not in found:
                continue
            if not isinstance(number, int):
                raise _damaged("table")
            found[name] = max(number, found[name])
        return found

    def numbers(self, name: str) -> tuple[int, int]:
        """The generation of ``name`` that is in force, and the newest that is stored; 0 where there is none."""
        query = (
            "SELECT (SELECT generation FROM records WHERE name = ?1),"
            " (SELECT max(generation) FROM generations WHERE name = ?1)"
        )
        current, last = (each or 0 for each in self._connection.execute(query, (name,)).fetchone())
        if not _typed((current, last), (int, int)):
            raise _damaged("table")
        return current, last

    def generation(self, name: str, number: int) -> Sealed | None:
        """One generation; None if it is not kept (any more). Raises SessionCorrupt if its header is damaged."""
        query = (
            f"SELECT g.checksum, g.wrapped, g.sealed, {_HEADER} FROM generations g WHERE name = ? AND generation = ?"
        )
        found = self._connection.execute(query, (name, number)).fetchone()
        if found is None:
            return None
        checksum, wrapped, sealed, *row = found
        header = _header(row, checksum)
        if header is None or not _typed((wrapped, sealed), (bytes, bytes)):
            self._explain(row, checksum)
            raise _damaged(f"record {name!r}, generation {number}", remedy=None)
        return Sealed(header, wrapped, sealed)

    def _explain(self, row: list[Any], checksum: object) -> None:
        """Raise what a wrong checksum means if the header is that of another row under this row's name."""
        if not _typed(row, _HEADER_TYPES):
            return
        header = Generation(*row)
        for name, number in self._connection.execute("SELECT name, generation FROM generations").fetchall():
            if (
                _typed((name, number), (str, int))
                and checksum == header._replace(name=name, generation=number).checksum()
            ):
                raise misplaced(header, name, number)

    def history(self, name: str) -> list[Generation]:
        """The headers of all generations of ``name``, newest first; a damaged one has the state "damaged"."""
        query = f"SELECT g.generation, g.checksum, {_HEADER} FROM generations g WHERE name = ? ORDER BY generation DESC"
        return [
            _header(row, checksum)
            or Generation(name, number if isinstance(number, int) else 0, "", "", 0, 0, 0.0, 0.0, DAMAGED, 0)
            for number, checksum, *row in self._connection.execute(query, (name,))
        ]

    def add(self, generation: Sealed) -> None:
        """Write a new generation and put it in force."""
        self.add_all([generation])

    def add_all(self, generations: Sequence[Sealed]) -> None:
        """Write new generations and put them in force."""
        self._connection.executemany(
            "INSERT INTO generations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(*each.header, each.header.checksum(), each.wrapped, each.sealed) for each in generations],
        )
        self._connection.executemany(
            "INSERT OR REPLACE INTO records VALUES (?, ?)",
            [(each.header.name, each.header.generation) for each in generations],
        )

    def settle(self) -> None:
        """Put the newest generation of every record in force, where that was not so."""
        self._connection.execute(
            "INSERT OR REPLACE INTO records SELECT name, max(generation) FROM generations GROUP BY name"
        )

    def drop(self, name: str, numbers: tuple[int, ...]) -> None:
        """Delete generations of ``name``."""
        self._connection.executemany(
            "DELETE FROM generations WHERE name = ? AND generation = ?", ((name, number) for number in numbers)
        )

    def every_generation(self) -> list[Sealed]:
        """All generations of all records that can be read, for rotation and for finding where a payload came from."""
        query = f"SELECT g.checksum, g.wrapped, g.sealed, {_HEADER} FROM generations g"
        return [
            Sealed(header, wrapped, sealed)
            for checksum, wrapped, sealed, *row in self._connection.execute(query).fetchall()
            if (header := _header(row, checksum)) and _typed((wrapped, sealed), (bytes, bytes))
        ]

    def rewrap(self, header: Generation, wrapped: bytes) -> None:
        """Exchange the wrapped data key of one generation."""
        self._connection.execute(
            "UPDATE generations SET wrapped = ? WHERE name = ? AND generation = ?",
            (wrapped, header.name, header.generation),
        )

    def unused(self, leases: set[str]) -> tuple[str, ...]:
        """Those of ``leases`` that no generation of any record has."""
        query = "SELECT 1 FROM generations WHERE lease = ? LIMIT 1"
        return tuple(lease for lease in sorted(leases) if self._one(query, (lease,), int) is None)

    # ---- fencing tokens

    def fence(self, lease: str) -> int:
        """The newest fencing token seen for this auth key; 0 if none."""
        return self._one("SELECT fence FROM fences WHERE lease = ?", (lease,), int) or 0

    def fences(self) -> dict[str, int]:
        """The newest fencing token seen for every auth key, by lease."""
        rows = self._connection.execute("SELECT lease, fence FROM fences")
        return {lease: fence for lease, fence in rows if isinstance(fence, int)}

    def admit_all(self, fences: Mapping[str, int]) -> None:
        """Remember fences, by lease. Raises StaleFence if a newer one has been seen."""
        newest = self.fences()
        for lease, fence in fences.items():
            check_fence(fence, newest.get(lease, 0))
        self._connection.executemany("INSERT OR REPLACE INTO fences VALUES (?, ?)", sorted(fences.items()))

    def admit(self, lease: str, fence: int) -> None:
        """Remember ``fence`` for this auth key. Raises StaleFence if a newer one has been seen."""
        newest = self.fence(lease)
        check_fence(fence, newest)
        if fence > newest:
            self._connection.execute("INSERT OR REPLACE INTO fences VALUES (?, ?)", (lease, fence))

    def _one(self, query: str, values: tuple[Any, ...], kind: type[_T]) -> _T | None:
        row = self._connection.execute(query, values).fetchone()
        if row is None or row[0] is None:
            return None
        if not isinstance(row[0], kind):
            raise _damaged("table")
        return row[0]


def misplaced(here: Generation, name: str, number: int) -> SessionCorrupt:
    """The error for a row that holds what was written as generation ``number`` of the record ``name``."""
    where = f"Generation {here.generation} of the session {here.name!r}"
    if name == here.name:
        return VaultRolledBack(
            f"{where} holds generation {number}, put back under its number.",
            remedy=f"Find out who did it. `telekeep history {name}` shows the generations that are whole.",
        )
    return RecordSwapped(f"{where} holds what was sealed for the session {name!r}.")


def check_fence(fence: int, newest: int) -> None:
    """Raise StaleFence if ``fence`` is older than the ``newest`` that was seen."""
    if fence < newest:
        raise StaleFence(
            f"Fencing token {fence} is too old: {newest} has written to this session since.", fence=fence, newest=newest
        )


@lru_cache(maxsize=4)  # it is read at every turn, and hardly ever another
def _opening(row: tuple[Any, ...] | None) -> Opening:
    if row is None or not _typed(row, (str, str, str, bytes, int, int)):
        raise _damaged("header")
    opening = Opening(*row[:5])
    if opening.checksum() != row[5]:
        raise _damaged("header")
    return opening


def _header(row: list[Any], checksum: object) -> Generation | None:
    if not _typed(row, _HEADER_TYPES):
        return None
    header = Generation._make(row)
    return header if header.checksum() == checksum else None


def _typed(values: Any, kinds: tuple[type, ...]) -> bool:
    return tuple(map(type, values)) == kinds


def _damaged(what: str, *, remedy: str | None = PUT_BACK) -> SessionCorrupt:
    return SessionCorrupt(f"The vault is damaged: its {what} cannot be read.", remedy=remedy)
