"""What a backup could bring back, for whoever finds that a session or a whole vault is gone."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path

from telekeep.errors import TelekeepError
from telekeep.vault.archive.folder import shelved
from telekeep.words import moment

_MOST = 100  # the newest archives; each is read whole
_NAMED = 5


def spares(folder: Path, *, besides: Container[str] = ()) -> dict[str, float]:
    """By the name of a session: when the newest whole archive of ``folder`` was made that holds it as kept, in
    wall-clock seconds. ``besides``: names that are left out. Nothing where the folder cannot be read.
    """
    try:
        whole = [each.header for each in shelved(folder, most=_MOST) if each.header is not None]
    except TelekeepError:
        return {}
    whole.sort(key=lambda header: header.made_at)
    return {name: header.made_at for header in whole for name in header.names if name not in besides}


def way_back(found: Mapping[str, float], name: str | None = None) -> str | None:
    """In one sentence, how to put the session ``name`` (None: whatever there is) back from what `spares` found; None
    if it is not in a backup.
    """
    if name is None and len(found) == 1:
        (name,) = found
    if name is not None:
        return f"A backup of {moment(found[name])} holds {name}: `telekeep restore {name}`" if name in found else None
    if not found:
        return None
    names = sorted(found)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    told = ", ".join(names[:_NAMED])
    return f"Backups hold {told}{more}: `telekeep restore NAME` puts one back, `telekeep restore` lets you choose."
