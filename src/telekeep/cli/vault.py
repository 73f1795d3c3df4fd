"""``telekeep vault``: the sealed vault as a whole: where its key is, whether it was moved or put back, a new key."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from telekeep.cli.ask import confirm
from telekeep.cli.command import Invocation, group
from telekeep.cli.passphrase import passphrase
from telekeep.vault import keys
from telekeep.vault.record import DAMAGED, MISSING, ROLLED_BACK

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.vault.keys.source import KeySource

FILE, PASSPHRASE, KEYRING, CREDENTIAL = "file", "passphrase", "keyring", "credential"
KINDS = {keys.KEY_FILE: FILE, keys.PASSPHRASE: PASSPHRASE, keys.KEYRING: KEYRING, keys.CREDENTIAL: CREDENTIAL}
BEHIND = (ROLLED_BACK, MISSING)
CAUTION = 8


@group(epilog="Example: telekeep vault status")
def vault() -> None:
    """The vault: one sealed place for all sessions. Its key lies elsewhere."""


@vault.command(epilog="Example: telekeep vault status")
def status(invocation: Invocation) -> int:
    """Show where the vault lies, whether its key can be found, and whether it was moved, damaged, or put back from a
    copy.

    Exit code 0 if all is well, 8 if something needs a look. Opens nothing, and asks for no passphrase.
    """
    with invocation.keeper() as keeper:
        box = keeper.vault
        entries, source, missing, moved = box.entries(), box.key_source, box.key_missing, box.moved
    states = Counter(entry.state for entry in entries)
    behind = [entry.name for entry in entries if entry.state in BEHIND]
    found = {
        "id": box.id,
        "folder": str(box.folder),
        "key_source": source,
        "key_missing": missing.message if missing else None,
        "sessions": dict(states),
        "moved": moved,
        "behind_marks": behind,
        "notices": box.notices,
    }
    counted = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
    machine = "another machine than this one: `telekeep vault accept --move`" if moved else "this one"
    marks = f"behind for {', '.join(behind)}: `telekeep vault accept`" if behind else "as they should be"
    lines = [
        f"vault     {box.id}",
        f"folder    {box.folder}",
        f"key from  {keys.worded(source)}" + (f": {missing.message}" if missing else ""),
        *([f"          → {missing.remedy}"] if missing and missing.remedy else ()),
        f"sessions  {counted}",
        f"machine   {machine}",
        f"marks     {marks}",
        *(f"note      {notice}" for notice in box.notices),
    ]
    invocation.out.data(found, () if invocation.quiet else lines)
    return CAUTION if missing or moved or behind or DAMAGED in states else 0


@vault.command(epilog="Examples: telekeep vault rotate\n          telekeep vault rotate --to passphrase")
@click.option("--to", "kind", type=click.Choice([*KINDS.values()]), help="Where the new key is (default: as before).")
def rotate(invocation: Invocation, kind: str | None) -> None:
    """Give the vault a new master key, and wrap every data key anew with it.

    A crash at any point leaves a vault that opens with the old key or with the new one. A daemon that runs goes on with
    the new one, and its borrowers notice nothing. Backups made before still need the old key; so one is made before,
    and, unless a passphrase would be asked for again, one after. A systemd credential is made by systemd: put a new
    one there first, and run this with it (systemd-run).
    """
    from telekeep.keeper.backup import back_up_first
    from telekeep.keeper.rotating import rotate as rotate_vault

    with invocation.keeper() as keeper:
        before = keeper.vault.key_source
        source = _source(keeper, kind or KINDS.get(before, FILE))
        back_up_first(keeper, None, step="before a new key")
        rotated = rotate_vault(keeper, source)
        if source.name != keys.PASSPHRASE:  # that would be asked for once more
            back_up_first(keeper, None, step="after a new key")
        found = {"id": keeper.vault.id, "key_source": source.name, "before": before, **rotated.facts()}
    if rotated.daemon is False:
        invocation.out.warn("The daemon does not know the new passphrase, and is locked: `telekeep unlock`.")
    if rotated.behind:
        told = ", ".join(f"process {pid}" for pid in rotated.behind)
        invocation.out.warn(f"Start again what holds a session itself, and does not know the new passphrase: {told}.")
    invocation.out.data(
        found, () if invocation.quiet else [f"The vault has a new key, from a {keys.worded(source.name)}."]
    )


@vault.command(epilog="Examples: telekeep vault accept\n          telekeep vault accept --move")
@click.option("--move", is_flag=True, help="Accept that the vault lives on this machine from now on.")
def accept(invocation: Invocation, move: bool) -> None:
    """Accept the vault as it is, after you put back an older copy on purpose. With --move: after you moved it here.

    If you did neither, somebody else did: find out who before you accept it.
    """
    with invocation.keeper() as keeper:
        box = keeper.vault
        if move:
            confirm(invocation, "Is the vault on the other machine gone, or never used again?")
            _back_up(keeper, invocation)
            box.accept_move()
        else:
            behind = [entry.name for entry in box.entries() if entry.state in BEHIND]
            about = f" Older than they were, or gone: {', '.join(behind)}." if behind else ""
            confirm(invocation, f"Accept the vault as it is?{about}")
            _back_up(keeper, invocation)
            box.accept()
        found = {"id": box.id, "accepted": "move" if move else "marks"}
    done = "The vault lives on this machine now." if move else "The vault is accepted as it is."
    invocation.out.data(found, () if invocation.quiet else [done])


def _back_up(keeper: Keeper, invocation: Invocation) -> None:
    """Accepting changes no record and needs no key: where there is none, it goes on without a backup, and says so."""
    from telekeep.errors import SessionSealed
    from telekeep.keeper.backup import back_up_first

    try:
        back_up_first(keeper, None, step="before accept")
    except SessionSealed as error:
        invocation.out.warn(f"No backup was made before: {error.message}")


def _source(keeper: Keeper, kind: str) -> KeySource:
    if kind == PASSPHRASE:
        return passphrase(new=True)
    if kind == KEYRING:
        from telekeep.vault.keys.keyring import Keyring

        return Keyring()
    if kind == CREDENTIAL:
        from telekeep.vault.keys.credential import Credential

        return Credential()
    from telekeep.vault.keys.file import KeyFile

    return KeyFile(keeper.home.key_file)
