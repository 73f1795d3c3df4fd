"""What the vault keeps for the gateway of a session, with the key at hand: its loans, and where it listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from telekeep.errors import SessionCorrupt
from telekeep.vault.record import REMOVED
from telekeep.vault.stores.belongings import KINDS, LOAN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from telekeep.vault.stores.belongings import Belonging
    from telekeep.vault.stores.sessions import Rows
    from telekeep.vault.unsealed import Unsealed


class StoredLoan(NamedTuple):
    """A loan as it lies in the vault: the session's ``name``, its ``id`` and the ``payload``, which holds its key."""

    name: str
    id: str
    payload: bytes

    def __repr__(self) -> str:
        return f"StoredLoan(name={self.name!r}, id={self.id!r}, payload=…)"


def loans(
    unsealed: Unsealed, rows: Iterable[Belonging], kept: Collection[str] = (), *, though_removed: bool = False
) -> tuple[list[StoredLoan], list[str]]:
    """The loans among ``rows``, and what is wrong with those that do not open, in words.

    A session that was removed lends nothing, nor does one that is not there: left out unless ``though_removed``.
    ``kept``: sessions that are neither, as was just seen.
    """
    found, wrong = [], []
    lends = dict.fromkeys(kept, True)
    for row in rows:
        if row.kind not in KINDS:
            wrong.append(f"{row} was left out: it is damaged")
        if row.kind != LOAN:
            continue
        try:
            payload = unsealed.open_belonging(row)
        except SessionCorrupt as error:
            wrong.append(f"{error.message} It was left out.")
            continue
        if row.name not in lends:
            lends[row.name] = though_removed or _lends(unsealed.rows, row.name)
        if lends[row.name]:
            found.append(StoredLoan(row.name, row.id, payload))
    return found, wrong


def _lends(rows: Rows, name: str) -> bool:
    """By its newest generation. One that is damaged is not removed, as far as anyone can tell; nobody can open it."""
    try:
        newest = rows.generation(name, rows.newest(name))
    except SessionCorrupt:
        return True
    return newest is not None and newest.header.state != REMOVED
