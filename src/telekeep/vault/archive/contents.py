"""What an archive hides: the payloads as the vault keeps them, one after another, behind a table of their lengths.

Only authenticated bytes are read here, so what is unexpected was written by a newer telekeep, or is a fault of ours.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, NamedTuple

from telekeep.errors import BackupDamaged
from telekeep.lease.lease import lease_name
from telekeep.secret import Secret
from telekeep.vault.payload import read_key_id
from telekeep.vault.record import Quarantine

if TYPE_CHECKING:
    from telekeep.vault.archive.header import Header

_LENGTH = struct.Struct("<Q")


class Copy(NamedTuple):
    """A session as it was: its ``payload`` opened; update ``state`` and ``peers`` as `stores.copies` packs them.

    ``last_used_at`` in wall-clock seconds, None if that was not known.
    """

    payload: bytes
    state: bytes
    peers: bytes
    last_used_at: float | None

    def __repr__(self) -> str:
        return "Copy(…)"

    def key_id(self) -> int:
        """The id of the session's key. Raises UnknownFormat."""
        return read_key_id(self.payload)


class Belonging(NamedTuple):
    """What belongs to a session, or to the vault: a loan, an endpoint, an adopted file. See `stores.belongings`."""

    kind: str
    name: str
    id: str
    payload: bytes

    def __repr__(self) -> str:
        return f"Belonging({self.kind!r}, {self.name!r}, {self.id!r}, …)"


class Contents(NamedTuple):
    """``copies``: in the order of the header's sessions. ``lagging_key``: what their states and peers are sealed with.

    ``quarantine``: by lease, the keys that Telegram has ended.
    """

    copies: tuple[Copy, ...]
    lagging_key: Secret
    belongings: tuple[Belonging, ...] = ()
    quarantine: tuple[tuple[str, Quarantine], ...] = ()

    def check(self, shown: Header) -> tuple[int, ...]:
        """Open every record; the ids of their keys. Raises BackupDamaged if one is not the one the header names."""
        ids = tuple(copy.key_id() for copy in self.copies)
        for header, key_id in zip(shown.sessions, ids, strict=True):
            if lease_name(key_id) != header.lease:
                raise BackupDamaged(f"The backup is damaged: what it holds as {header.name!r} is another session.")
        return ids


def write(contents: Contents) -> bytes:
    """``contents`` as bytes."""
    table = {
        "copies": [
            (len(each.payload), len(each.state), len(each.peers), each.last_used_at) for each in contents.copies
        ],
        "belongings": [(each.kind, each.name, each.id, len(each.payload)) for each in contents.belongings],
        "quarantine": contents.quarantine,
        "lagging": contents.lagging_key.reveal().hex(),
    }
    index = json.dumps(table, separators=(",", ":")).encode()
    parts = [_LENGTH.pack(len(index)), index]
    for copy in contents.copies:
        parts += copy[:3]
    parts += [each.payload for each in contents.belongings]
    return b"".join(parts)


def read(data: bytes, shown: Header) -> Contents:
    """What `write` wrote. Raises BackupDamaged if it does not fit its header."""
    (length,) = _LENGTH.unpack_from(data)
    at = _LENGTH.size + length
    table = json.loads(data[_LENGTH.size : at])
    copies = []
    for payload, state, peers, last_used_at in table["copies"]:
        middle, later, end = at + payload, at + payload + state, at + payload + state + peers
        copies.append(Copy(data[at:middle], data[middle:later], data[later:end], last_used_at))
        at = end
    belongings = []
    for kind, name, id, size in table["belongings"]:
        belongings.append(Belonging(kind, name, id, data[at : at + size]))
        at += size
    if at != len(data) or len(copies) != len(shown.sessions):
        raise BackupDamaged("The backup is damaged: it does not hold what its header says.")
    quarantine = tuple((lease, Quarantine(*row)) for lease, row in table["quarantine"])
    return Contents(tuple(copies), Secret(bytes.fromhex(table["lagging"])), tuple(belongings), quarantine)
