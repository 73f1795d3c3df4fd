"""What the vault keeps of adopted files, with the key at hand: facts, the original, and which keys are away."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from telekeep.errors import SessionCorrupt
from telekeep.vault.stores.belongings import ADOPTION, AWAY, ORIGINAL

if TYPE_CHECKING:
    from telekeep.vault.stores.sessions import Rows
    from telekeep.vault.unsealed import Unsealed

_NOBODY = ""  # a file may hold several sessions: it belongs to none of them


class StoredAdoption(NamedTuple):
    """An adopted file as it lies in the vault."""

    id: str
    payload: bytes

    def __repr__(self) -> str:
        return f"StoredAdoption(id={self.id!r}, payload=…)"


def put(
    unsealed: Unsealed, adoption_id: str, payload: bytes, *, original: bytes | None, away: Iterable[str] | None
) -> None:
    """Write an adoption; None leaves the original, or what is away, as it is."""
    unsealed.put_belonging(ADOPTION, _NOBODY, adoption_id, payload)
    if original is not None:
        unsealed.put_belonging(ORIGINAL, _NOBODY, adoption_id, original)
    if away is not None:
        unsealed.rows.belongings.drop_all(AWAY, adoption_id)
        for lease in away:
            unsealed.put_belonging(AWAY, adoption_id, lease, b"")


def adoptions(unsealed: Unsealed) -> tuple[list[StoredAdoption], list[str]]:
    """All of them, and what is wrong with those that do not open, in words."""
    found, wrong = [], []
    for row in unsealed.rows.belongings.of(ADOPTION, _NOBODY):
        try:
            found.append(StoredAdoption(row.id, unsealed.open_belonging(row)))
        except SessionCorrupt as error:
            wrong.append(f"{error.message} It was left out.")
    return found, wrong


def original(unsealed: Unsealed, adoption_id: str) -> bytes | None:
    """What the file held. Raises SessionCorrupt, or RecordSwapped, if it does not open."""
    row = unsealed.rows.belongings.one(ORIGINAL, _NOBODY, adoption_id)
    return None if row is None else unsealed.open_belonging(row)


def drop(rows: Rows, adoption_id: str) -> None:
    """Forget an adoption, if there is one."""
    rows.belongings.drop(ADOPTION, _NOBODY, adoption_id)
    rows.belongings.drop(ORIGINAL, _NOBODY, adoption_id)
    rows.belongings.drop_all(AWAY, adoption_id)
