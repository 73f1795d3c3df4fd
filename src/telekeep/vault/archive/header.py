"""What an archive shows without a key: which sessions, when it was made and why, of which vault, and what opens it.

Nothing in it is secret, and all of it is bound to what is sealed: a changed header is seen when the archive is opened.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any, NamedTuple

from telekeep.errors import BackupDamaged, ConfigError
from telekeep.vault.record import KEPT, Generation, check_name
from telekeep.vault.stores.sessions import Opening


class Header(NamedTuple):
    """The open part of an archive. ``made_at`` in wall-clock seconds.

    ``machine``: of the vault (`telekeep.vault.machine`). ``opening``: how its key is found; its ``vault_id`` is that of
    the vault, or the archive's own ``id`` if it has a passphrase of its own. ``sessions``: the generations in force; of
    a session that was set aside, the last one that was kept, with the state "removed". ``whole``: made of a whole
    vault. ``left_out``: sessions that could not be read. ``size``: the bytes of the sealed part.
    """

    id: str
    made_at: float
    reason: str
    vault_id: str
    machine: str
    telekeep: str
    opening: Opening
    sessions: tuple[Generation, ...]
    whole: bool
    left_out: tuple[str, ...]
    size: int

    @property
    def has_own_key(self) -> bool:
        """Whether it is sealed with a passphrase of its own, not with the vault's key."""
        return self.opening.vault_id != self.vault_id

    @property
    def names(self) -> tuple[str, ...]:
        """The sessions in it that were kept."""
        return tuple(each.name for each in self.sessions if each.state == KEPT)

    def session(self, name: str) -> Generation | None:
        """The header of one session, kept or set aside; None if it is not in the archive."""
        return next((each for each in self.sessions if each.name == name), None)

    def write(self) -> bytes:
        """One line of JSON."""
        opening = self.opening
        return json.dumps(
            {
                "id": self.id,
                "made_at": self.made_at,
                "reason": self.reason,
                "vault": self.vault_id,
                "machine": self.machine,
                "telekeep": self.telekeep,
                "key": {
                    "of": opening.vault_id,
                    "source": opening.source,
                    "parameters": opening.parameters,
                    "verifier": b64encode(opening.verifier).decode(),
                    "epoch": opening.epoch,
                },
                "whole": self.whole,
                "left_out": self.left_out,
                "size": self.size,
                "sessions": self.sessions,
            },
            separators=(",", ":"),
        ).encode()


def read(line: bytes) -> Header:
    """The header that `Header.write` wrote. Raises BackupDamaged for anything else.

    Anybody can write one, and it is shown before its seal is opened: so nothing in it is taken on trust.
    """
    try:
        found = _read(json.loads(line))
        if _is_sane(found):
            return found
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, ConfigError):
        pass
    raise BackupDamaged("The backup is damaged: its header cannot be read.")


def _is_sane(found: Header) -> bool:
    """Whether it can be shown to a person: names are names, times are times, words hold nothing that a terminal would
    act upon.
    """
    for name in (*(each.name for each in found.sessions), *found.left_out):
        check_name(name)
    words = (found.id, found.reason, found.vault_id, found.machine, found.telekeep, found.opening.source)
    return (
        all(tuple(map(type, each)) == _SESSION for each in found.sessions)
        and all(each.isprintable() and len(each) <= _LONGEST for each in words)
        and all(0 <= at < _LATEST for at in (found.made_at, *(each.saved_at for each in found.sessions)))
        and found.size >= 0
    )


_SESSION = (str, int, str, str, int, int, float, float, str, int)
_LONGEST = 200  # characters
_LATEST = 1e11  # seconds: the year 5138


def _read(table: dict[str, Any]) -> Header:
    key = table["key"]
    opening = Opening(
        str(key["of"]), str(key["source"]), str(key["parameters"]), b64decode(key["verifier"]), int(key["epoch"])
    )
    return Header(
        id=str(table["id"]),
        made_at=float(table["made_at"]),
        reason=str(table["reason"]),
        vault_id=str(table["vault"]),
        machine=str(table["machine"]),
        telekeep=str(table["telekeep"]),
        opening=opening,
        sessions=tuple(Generation(*each) for each in table["sessions"]),
        whole=bool(table["whole"]),
        left_out=tuple(map(str, table["left_out"])),
        size=int(table["size"]),
    )
