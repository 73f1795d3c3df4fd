"""What belongs to sessions besides their generations: loans, where gateways listen, adopted files, and what is known of
an account's logins. Rows of ``sessions.db``.

Each is sealed like a record. Its name and id lie open, bound to what is sealed: a row under another name does not open.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple

from telekeep.database import of_each

LOAN: Final = "loan"
ENDPOINT: Final = "endpoint"
ADOPTION: Final = "adoption"  # an adopted file; it may hold several sessions, so its name is that of none
ORIGINAL: Final = "original"  # what an adopted file held before
AWAY: Final = "away"  # named after an adoption, its id is a lease: this key is, or may be, in use outside telekeep
LOGINS: Final = "logins"  # which logins of an account are known; its id stands for the account, its name for nothing
ALARM: Final = "alarm"  # something about a session that nobody has looked at yet; the id says what and when
RENEWAL: Final = "renewal"  # a renewal or fork under way, under the name that the new authorization is for
KINDS: Final = (LOAN, ENDPOINT, ADOPTION, ORIGINAL, AWAY, LOGINS, ALARM, RENEWAL)

_COLUMNS = "kind, name, id, wrapped, sealed"


class Belonging(NamedTuple):
    """One row: its ``kind``, the ``name`` of the session, an ``id`` among those of this kind; data key and payload."""

    kind: str
    name: str
    id: str
    wrapped: bytes = b""
    sealed: bytes = b""

    def bound(self) -> bytes:
        """What the seal is bound to; the same for no two rows, and for no row and generation."""
        fields = (self.kind, self.name, self.id)
        return ("belonging " + "".join(f"{len(field)}:{field}," for field in fields)).encode("utf-8", "surrogatepass")

    def __str__(self) -> str:
        """For people."""
        if self.kind == LOAN:
            return f"the loan {self.id!r} of the session {self.name!r}"
        if self.kind == ENDPOINT:
            return f"the gateway's address of the session {self.name!r}"
        if self.kind in (ADOPTION, ORIGINAL, AWAY):
            return f"what is known of the adopted file {self.id if self.kind != AWAY else self.name!r}"
        if self.kind == LOGINS:
            return "what is known of an account's logins"
        if self.kind == ALARM:
            return f"an alarm about the session {self.name!r}"
        if self.kind == RENEWAL:
            return f"the plan of a renewal of the session {self.name!r}"
        return f"a row of the unknown kind {self.kind!r} of the session {self.name!r}"


class Belongings:
    """The rows, inside one transaction. What is damaged comes out as it is: it will not open."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def every(self) -> list[Belonging]:
        """All rows of all sessions."""
        return _read(self._connection.execute(f"SELECT {_COLUMNS} FROM belongings ORDER BY name, kind, id"))

    def of(self, kind: str, name: str) -> list[Belonging]:
        """The rows of one kind of one session."""
        return self.of_each(kind, [name])[name]

    def of_each(self, kind: str, names: Collection[str]) -> dict[str, list[Belonging]]:
        """The rows of one kind of each of these sessions."""
        query = f"SELECT {_COLUMNS} FROM belongings WHERE kind = ? AND name IN (?) ORDER BY id"
        found: dict[str, list[Belonging]] = {name: [] for name in names}
        for row in _read(of_each(self._connection, query, names, kind)):
            found.setdefault(row.name, []).append(row)  # a damaged file may tell what nobody asked for
        return found

    def one(self, kind: str, name: str, id: str) -> Belonging | None:
        """A row; None if there is none."""
        query = f"SELECT {_COLUMNS} FROM belongings WHERE kind = ? AND name = ? AND id = ?"
        return next(iter(_read(self._connection.execute(query, (kind, name, id)))), None)

    def ids(self, kind: str) -> list[tuple[str, str]]:
        """Name and id of all rows of one kind."""
        rows = self._connection.execute("SELECT name, id FROM belongings WHERE kind = ? ORDER BY name, id", (kind,))
        return [(_text(name), _text(id)) for name, id in rows]

    def put(self, row: Belonging) -> None:
        """Write a row, in place of the one of this kind, name and id."""
        self._connection.execute("INSERT OR REPLACE INTO belongings VALUES (?, ?, ?, ?, ?)", row)

    def drop(self, kind: str, name: str, id: str) -> None:
        """Delete a row, if there is one."""
        self._connection.execute("DELETE FROM belongings WHERE kind = ? AND name = ? AND id = ?", (kind, name, id))

    def drop_all(self, kind: str, name: str) -> None:
        """Delete the rows of one kind of one session."""
        self._connection.execute("DELETE FROM belongings WHERE kind = ? AND name = ?", (kind, name))


def mark_of(rows: Iterable[Belonging]) -> int:
    """Another number as soon as the rows are others, or have changed."""
    return hash(tuple(rows))


def _read(rows: Iterable[tuple[Any, ...]]) -> list[Belonging]:
    return [
        Belonging(_text(kind), _text(name), _text(id), _blob(wrapped), _blob(sealed))
        for kind, name, id, wrapped, sealed in rows
    ]


def _text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def _blob(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
