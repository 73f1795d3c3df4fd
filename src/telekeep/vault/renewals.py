"""What the vault keeps of renewals and forks under way, with the key at hand: one plan for each name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from telekeep.errors import SessionCorrupt
from telekeep.vault.stores.belongings import RENEWAL

if TYPE_CHECKING:
    from telekeep.vault.unsealed import Unsealed

_ID = ""  # there is one for a name


class StoredRenewal(NamedTuple):
    """A plan as it lies in the vault: the ``name`` that the new authorization is for, and the ``payload``, with both
    keys.
    """

    name: str
    payload: bytes

    def __repr__(self) -> str:
        return f"StoredRenewal(name={self.name!r}, payload=…)"


def put(unsealed: Unsealed, name: str, payload: bytes | None) -> None:
    """Write the plan of ``name`` in place of what was there; None: there is none any more."""
    if payload is None:
        unsealed.rows.belongings.drop(RENEWAL, name, _ID)
    else:
        unsealed.put_belonging(RENEWAL, name, _ID, payload)


def renewals(unsealed: Unsealed) -> tuple[list[StoredRenewal], list[str]]:
    """All of them, and what is wrong with those that do not open, in words."""
    found, wrong = [], []
    for name, _ in unsealed.rows.belongings.ids(RENEWAL):
        for row in unsealed.rows.belongings.of(RENEWAL, name):
            try:
                found.append(StoredRenewal(name, unsealed.open_belonging(row)))
            except SessionCorrupt as error:
                wrong.append(f"{error.message} It was left out.")
    return found, wrong
