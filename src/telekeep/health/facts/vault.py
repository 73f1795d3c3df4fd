"""Opening everything that the vault holds: each generation of each record, and what lags."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from telekeep.clock import Clock
from telekeep.errors import SessionSealed, TelegramSessionError, TelekeepError
from telekeep.health.checks.vault import Facts, Record
from telekeep.paths import Home
from telekeep.vault.archive.spare import spares
from telekeep.vault.record import KEPT, REMOVED, Entry, Generation
from telekeep.vault.vault import Vault


def gather(home: Home, vault: Vault | None = None, *, clock: Clock, names: tuple[str, ...] = ()) -> Facts:
    """``vault``: that of ``home``, if it is open; ``names``: the sessions to look at, none for all.

    Raises StorageUnavailable if the disk does not serve.
    """
    found = _gathered(home, vault, clock, names)
    is_gone = not found.exists or any(each.error is not None and each.whole is None for each in found.records)
    return replace(found, spares=spares(home.backups)) if is_gone else found


def _gathered(home: Home, vault: Vault | None, clock: Clock, names: tuple[str, ...]) -> Facts:
    if vault is not None:
        return _looked_into(vault, names)
    try:
        if not Vault.exists(home.vault):
            return Facts(exists=False)
        with Vault.open(home.vault, clock=clock, marks=home.state) as opened:
            return _looked_into(opened, names)
    except TelekeepError as error:
        return Facts(error=error)


def _looked_into(vault: Vault, names: tuple[str, ...]) -> Facts:
    try:
        broken = tuple(vault.broken())
        entries = [each for each in vault.entries() if each.state != REMOVED and (not names or each.name in names)]
        moved = vault.moved
    except TelegramSessionError as error:
        return Facts(error=error)
    sealed = None
    try:
        vault.unlock()
    except SessionSealed as error:
        sealed = error
    except TelegramSessionError as error:
        return Facts(error=error)
    records = tuple(_unopened(each, vault) if sealed else _opened(each, vault) for each in entries)
    return Facts(sealed=sealed, moved=moved, notices=tuple(vault.notices), broken=broken, records=records)


def _unopened(entry: Entry, vault: Vault) -> Record:
    error = None
    if entry.state != KEPT:
        try:
            vault.entry(entry.name)
        except TelekeepError as found:
            error = found
    return replace(_record(entry, _history(entry.name, vault)), error=error)


def _opened(entry: Entry, vault: Vault) -> Record:
    history = _history(entry.name, vault)
    record = _record(entry, history)
    try:
        session = vault.load(entry.name)
    except TelekeepError as error:
        return replace(record, error=error, whole=_newest_whole(history, vault))
    older = (each for each in history if each.generation != entry.generation and each.state != REMOVED)
    damaged = tuple(each.generation for each in older if not _opens(each, vault))
    return replace(record, damaged=damaged, has_application=session.application is not None)


def _record(entry: Entry, history: list[Generation]) -> Record:
    return Record(
        entry.name,
        newest=max((each.generation for each in history), default=entry.generation),
        lease=entry.lease,
        network=entry.network,
        dc_id=entry.dc_id,
        generations=len(history),
        saved_at=entry.saved_at,
        last_used_at=entry.last_used_at,
        set_aside=entry.quarantine is not None and entry.quarantine.checked,
    )


def _newest_whole(history: list[Generation], vault: Vault) -> int | None:
    kept = (each for each in history if each.state == KEPT)
    return next((each.generation for each in kept if _opens(each, vault)), None)


def _history(name: str, vault: Vault) -> list[Generation]:
    with suppress(TelegramSessionError):
        return vault.history(name)
    return []


def _opens(each: Generation, vault: Vault) -> bool:
    try:
        vault.load(each.name, generation=each.generation)
    except TelekeepError:
        return False
    return True
