"""What the vault keeps of the logins of accounts, with the key at hand: which are known, and alarms nobody has seen.

In the file that never loses a write: a baseline that is lost would take a stranger for somebody known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from telekeep.vault.stores.belongings import ALARM, LOGINS

if TYPE_CHECKING:
    from telekeep.vault.unsealed import Unsealed

_NOBODY = ""  # an account may be kept under several names


class StoredAlarm(NamedTuple):
    """An alarm as it lies in the vault: the session's ``name``, its ``id``, which lies open, and the ``payload``."""

    name: str
    id: str
    payload: bytes

    def __repr__(self) -> str:
        return f"StoredAlarm(name={self.name!r}, id={self.id!r}, payload=…)"


def put(unsealed: Unsealed, account: str, payload: bytes, alarms: Iterable[StoredAlarm]) -> None:
    """Write which logins are known, and alarms."""
    unsealed.put_belonging(LOGINS, _NOBODY, account, payload)
    for each in alarms:
        unsealed.put_belonging(ALARM, each.name, each.id, each.payload)


def logins(unsealed: Unsealed, account: str) -> bytes | None:
    """Which are known. Raises SessionCorrupt, or RecordSwapped, if that does not open."""
    row = unsealed.rows.belongings.one(LOGINS, _NOBODY, account)
    return None if row is None else unsealed.open_belonging(row)


def alarms(unsealed: Unsealed, name: str) -> list[StoredAlarm]:
    """The alarms about a session. Raises as `logins`."""
    rows = unsealed.rows.belongings.of(ALARM, name)
    return [StoredAlarm(row.name, row.id, unsealed.open_belonging(row)) for row in rows]
