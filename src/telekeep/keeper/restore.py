"""Putting sessions back from a backup.

The order is what makes it safe. The archive is opened and every record in it read before anything is touched. The
leases are taken: nobody speaks with a key that comes or goes. The present state is backed up. Then all sessions become
new generations in one commit, with fences above every one that was seen. Killed anywhere in between, the vault is what
it was, or all of it is back.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from telekeep.errors import (
    BackupError,
    ConfigError,
    NothingToRestore,
    SessionConflict,
    SessionCorrupt,
    SessionNotFound,
    SessionSealed,
    UnknownFormat,
)
from telekeep.keeper.backup import Backup, back_up_first, folder_of
from telekeep.keeper.handover import ask as ask_daemon
from telekeep.keeper.transfer import take
from telekeep.lease.busy import busy
from telekeep.lease.lease import lease_name
from telekeep.vault import machine
from telekeep.vault.archive.contents import Copy
from telekeep.vault.archive.folder import Shelved, look, read, shelved
from telekeep.vault.archive.returning import Wanted
from telekeep.vault.archive.sealing import Opened, unseal
from telekeep.vault.record import MISSING, REMOVED, Entry, Generation
from telekeep.vault.stores.belongings import LOAN
from telekeep.vault.vault import Vault

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper

BEFORE = "before restore"


@dataclass(frozen=True)
class Restored:
    """What was put back: the new ``entries``, and the backup of what was there ``before`` (None: nothing was).

    ``loans``: how many came back with them: those that were open at the time of the backup are open again.
    """

    entries: tuple[Entry, ...]
    before: Backup | None
    loans: int


def archives(keeper: Keeper, at: Path | None = None, *, name: str | None = None) -> list[Shelved]:
    """The archives to choose from, newest first: those in the home's folder, or ``at`` (a folder or one archive).

    ``name``: only those that hold this session; what cannot be read is left in, with its error. Raises NothingToRestore
    if there is no ``at``.
    """
    if at is not None and not at.is_dir():
        read(at)  # says what is wrong with it
        found = [look(at)]
    else:
        found = shelved(at or folder_of(keeper))
    return [each for each in found if name is None or each.header is None or each.header.session(name)]


def choose(found: Sequence[Shelved], name: str | None) -> Shelved:
    """The newest archive that is whole, of those that `archives` found.

    Raises NothingToRestore if there is none; what is wrong with the newest, if that is all there is.
    """
    whole = next((each for each in found if each.header is not None), None)
    if whole is not None:
        return whole
    if found and found[0].error is not None:
        raise found[0].error
    what = f"the session {name!r}" if name else "anything"
    raise NothingToRestore(f"There is no backup of {what} here.")


def opened(keeper: Keeper, path: Path, *, ask: Callable[[], str] | None = None) -> Opened:
    """The archive at ``path``, with every record in it read. ``ask`` returns the passphrase of one that has its own.

    Raises BackupUnknown, BackupDamaged, BackupSealed, NothingToRestore.
    """
    try:
        return unseal(read(path), source=keeper.source, ask=ask)
    except BackupError as error:
        error.args = (f"{path.name}: {error.message}",)
        raise


def restore(keeper: Keeper, archive: Opened, names: Collection[str] | None = None, *, move: bool = False) -> Restored:
    """Put the sessions ``names`` of ``archive`` back (None: all that were kept), as new generations.

    Where no vault is, one is made, with the archive's kind of key. ``move``: they come from another machine, where
    nothing uses them any more. Raises NothingToRestore for what the archive does not hold, ConfigError for another
    machine's or a key that is kept under another name, SessionBusy while somebody speaks with a key of theirs. Nothing
    was changed then.
    """
    chosen = _chosen(archive, names)
    if archive.header.machine != machine.identity() and not move:
        raise ConfigError(
            "This backup was made on another machine. If its keys are still used there, Telegram ends them all.",
            remedy="When nothing there uses them any more, add --move.",
        )
    vault = _vault(keeper, archive)
    there = {entry.name: entry for entry in vault.entries()}
    _refuse_twins(there, [header for header, _, _ in chosen])
    _make_room(2 * len(chosen))
    with ExitStack() as held:
        reached = vault.reached((header.name, header.lease) for header, _, _ in chosen)
        wanted = []
        for header, copy, key_id in chosen:
            here = reached[header.name]
            floor = max(header.fence, here.fence)
            fence = _taken(keeper, header.name, key_id, there.get(header.name), held, floor)
            wanted.append(Wanted(header, copy, fence, here.generation))
        before = back_up_first(keeper, [each.header.name for each in wanted if each.expected], step=BEFORE)
        entries = vault.put_back(archive, wanted)
    back = {each.header.name for each in wanted if not each.expected}
    loans = sum(each.kind == LOAN and each.name in back for each in archive.contents.belongings)
    return Restored(tuple(entries), before, loans)


def _chosen(archive: Opened, names: Collection[str] | None) -> list[tuple[Generation, Copy, int]]:
    """The sessions to put back: those that were kept, or those that are named."""
    lines = zip(archive.header.sessions, archive.contents.copies, archive.key_ids, strict=True)
    held = {each[0].name: each for each in lines}
    absent = [name for name in names or () if name not in held]
    if absent:
        raise NothingToRestore(
            f"This backup does not hold {', '.join(map(repr, absent))}; it holds {', '.join(held) or 'nothing'}."
        )
    chosen = dict.fromkeys(archive.header.names if names is None else names)
    if not chosen:
        raise NothingToRestore("No session was kept when this backup was made.")
    return [held[name] for name in chosen]


def _vault(keeper: Keeper, archive: Opened) -> Vault:
    """The vault to put sessions into: the one that is there, else a new one, which opens as the archive's did."""
    if Vault.exists(keeper.home.vault):
        try:
            vault = keeper.vault
            vault.unlock()
        except (SessionCorrupt, SessionSealed, UnknownFormat) as error:
            if not isinstance(error, SessionSealed) or archive.header.has_own_key:
                folder = keeper.home.vault
                error.remedy = f"If it is lost, move it away (mv {folder} {folder}.lost), and run the command again: "
                error.remedy += "it is made anew."
            raise
        return vault
    if ask_daemon(keeper, "status") is not None:
        raise SessionConflict(
            "A daemon runs here that still knows the vault that is gone.",
            remedy="Stop it with `telekeep daemon stop`, then run the command again.",
        )
    return keeper.vault_from(archive)


def _refuse_twins(there: dict[str, Entry], headers: list[Generation]) -> None:
    """Raise ConfigError if a key would be kept under two names: they would be one session."""
    names = {each.lease: each.name for each in headers}
    for entry in there.values():
        if entry.state in (REMOVED, MISSING):
            continue
        name = names.get(entry.lease)
        if name is not None and name != entry.name and entry.name not in names.values():
            raise ConfigError(
                f"The key of {name!r} in this backup is kept as {entry.name!r} here.",
                remedy=f"Use it: telekeep test {entry.name}",
            )


def _taken(keeper: Keeper, name: str, key_id: int, entry: Entry | None, held: ExitStack, floor: int) -> int:
    """The fence of the lease on a key that comes back, with that of the key it replaces taken too."""
    fence = take(keeper, key_id, held, floor=floor, purpose=f"restoring {name}", durable=False).fence
    if entry is not None and entry.lease and entry.lease != lease_name(key_id):
        try:
            other = keeper.vault.load(name).auth_key.id
        except (SessionCorrupt, SessionNotFound):  # nobody can tell its key; the kernel says whether somebody has it
            if holder := keeper.leases.holder(entry.lease):
                raise busy(holder, clock=keeper.clock) from None
        else:
            take(keeper, other, held, floor=entry.fence, purpose=f"replacement of {name}")
    return fence


def _make_room(descriptors: int) -> None:
    """Every lease is an open file: let this process have as many as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = descriptors + _SPARE_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


_SPARE_DESCRIPTORS = 100
