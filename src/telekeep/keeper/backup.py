"""Backing up: one sealed, verified archive of sessions, in a folder outside the vault.

It needs neither a connection nor the lease: the vault is read in one view, whoever writes to it meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from telekeep.errors import SessionCorrupt, SessionNotFound, TelekeepError
from telekeep.vault.archive.folder import STEM, SUFFIX, candidates, count, refuse_within, shelved, store, throw_away
from telekeep.vault.archive.retention import ASKED, AUTOMATIC, Retention, surplus
from telekeep.vault.keys import source_for

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.vault.keys.source import KeySource
    from telekeep.vault.stores.sessions import Opening


@dataclass(frozen=True)
class Backup:
    """A backup that was made and read back.

    ``names``: the sessions in it, ``left_out``: why others could not be read, by name. ``sealed_by``: the kind of key
    source; ``key_file``: where that key is, if in a file; ``own_key``: whether it has a passphrase of its own.
    ``made_at`` in wall-clock seconds. ``dropped``: older ones that were thrown away.
    """

    path: Path
    id: str
    made_at: float
    reason: str
    names: tuple[str, ...]
    left_out: dict[str, str]
    sealed_by: str
    key_file: Path | None
    own_key: bool
    size: int
    dropped: tuple[Path, ...] = ()


def folder_of(keeper: Keeper) -> Path:
    """Where backups of this home lie unless another folder is named."""
    return keeper.home.backups


def back_up(
    keeper: Keeper,
    names: Iterable[str] | None,
    *,
    reason: str,
    to: Path | None = None,
    source: KeySource | None = None,
    retention: Retention | None = None,
    as_it_is: bool = False,
) -> Backup:
    """Make one archive of the sessions ``names`` (None: of the whole vault), verified when this returns.

    ``reason``: in a word or two, why. ``to``: the folder, None for the home's. ``source``: a passphrase to seal it
    with, None for the vault's own key. ``retention``: which older ones may go then; None for those that were made
    before a risky step, after 20 of them and 30 days. ``as_it_is``: sessions that are older than they were known to be
    as well.

    Raises SessionNotFound, SessionSealed, SessionCorrupt if nothing can be read, ConfigError for a folder that is open
    to others, StorageUnavailable if the disk refuses. Nothing was changed then.
    """
    wanted: Collection[str] | None = None if names is None else tuple(names)
    folder = to or folder_of(keeper)
    refuse_within(folder, keeper.home.vault)
    archive, left_out = keeper.vault.archive(wanted, reason=reason, source=source, as_it_is=as_it_is)
    header = archive.header
    path = store(folder, archive.data, archive.check, stem=STEM, suffix=SUFFIX, at=header.made_at)
    return Backup(
        path=path,
        id=header.id,
        made_at=header.made_at,
        reason=reason,
        names=header.names,
        left_out={name: error.message for name, error in left_out.items()},
        sealed_by=header.opening.source,
        key_file=_key_file(header.opening),
        own_key=header.has_own_key,
        size=len(archive.data),
        dropped=_tidied(keeper, folder, retention, reason),
    )


def _key_file(opening: Opening) -> Path | None:
    from telekeep.vault.keys.file import KeyFile

    source = source_for(opening.source, json.loads(opening.parameters))
    return source.path if isinstance(source, KeyFile) else None


def back_up_first(keeper: Keeper, names: Iterable[str] | None, *, step: str) -> Backup | None:
    """A backup before a risky ``step``; None if nothing that a copy could save is there, or none of it can be read.

    Such a step may be what mends it, and the vault keeps the generations it has. Raises what `back_up` raises else:
    the step is not taken then.
    """
    wanted = None if names is None else tuple(names)
    if wanted == ():
        return None
    try:
        return back_up(keeper, wanted, reason=step, as_it_is=True)
    except (SessionCorrupt, SessionNotFound):
        return None


def _tidied(keeper: Keeper, folder: Path, retention: Retention | None, reason: str) -> tuple[Path, ...]:
    """Throw away what may go; the paths. A backup that was made is not made undone by an old one that stays."""
    if retention is None and reason == ASKED:
        return ()
    rule = retention or AUTOMATIC
    try:
        if rule.last is not None and count(folder) <= rule.last:
            return ()  # all are kept: none need be read
        found = shelved(folder)
        gone = surplus(candidates(found, keeper.vault.id), rule, now=keeper.clock.wall())
        throw_away(gone)
    except TelekeepError:
        return ()
    return gone
