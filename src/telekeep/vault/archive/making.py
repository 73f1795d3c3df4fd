"""Making an archive: what was collected, under a header, sealed."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from telekeep.errors import ConfigError, SessionNotFound, TelegramSessionError
from telekeep.vault.archive.collecting import collect
from telekeep.vault.archive.header import Header
from telekeep.vault.archive.sealing import Archive, close
from telekeep.vault.record import check_name
from telekeep.vault.unlocking import first_opening

if TYPE_CHECKING:
    from telekeep.vault.highwater import Marks
    from telekeep.vault.keys.source import KeySource
    from telekeep.vault.seal import Master
    from telekeep.vault.stores.lagging import Lagging
    from telekeep.vault.stores.sessions import Opening
    from telekeep.vault.unsealed import Unsealed


def make(
    unsealed: Unsealed,
    lagging: Lagging,
    marks: Marks,
    names: Collection[str] | None,
    *,
    now: float,
    reason: str,
    own: tuple[Opening, Master] | None,
    as_it_is: bool,
) -> tuple[Archive, dict[str, TelegramSessionError]]:
    """See `Vault.archive`. ``own``: what `own_key` made."""
    collected = collect(unsealed, lagging, marks, names, as_it_is=as_it_is)
    if not collected.sessions and collected.left_out:
        raise next(iter(collected.left_out.values()))
    if not collected.sessions:
        raise SessionNotFound("No session is kept here: there is nothing to back up.")
    opening, master = own or (unsealed.rows.opening(), unsealed.master)
    header = Header(
        id=opening.vault_id if own else os.urandom(16).hex(),
        made_at=now,
        reason=reason,
        vault_id=unsealed.master.vault_id,
        machine=unsealed.rows.machine(),
        telekeep=_version(),
        opening=opening,
        sessions=collected.sessions,
        whole=names is None,
        left_out=tuple(sorted({_shown(name) for name in collected.left_out})),
        size=0,
    )
    return close(header, collected.contents, master), collected.left_out


def _shown(name: str) -> str:
    """A name that could not be read may be damaged itself."""
    try:
        return check_name(name)
    except ConfigError:
        return "unreadable"


def own_key(source: KeySource) -> tuple[Opening, Master]:
    """A key for one archive alone. Asks for the passphrase, and takes its time: not while a file is locked."""
    id = os.urandom(16).hex()
    return first_opening(source.make(id, fresh=True), source.name, id)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("telekeep")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "unknown"
