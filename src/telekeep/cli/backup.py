"""``telekeep backup``: one sealed, verified archive of one session or of all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.command import Invocation, Usage, command
from telekeep.cli.output import plain, size
from telekeep.cli.sealing import new_passphrase
from telekeep.cli.span import SPAN

if TYPE_CHECKING:
    from telekeep.keeper.backup import Backup
    from telekeep.keeper.session_files import FileBackup

CAUTION = 8
OPENS = {
    "key-file": "It opens with the vault's key file ({key}) alone: keep a copy of that at another place.",
    "passphrase": "It opens with the vault's passphrase.",
    "keyring": "It opens with this desktop's keyring alone; --passphrase seals one that opens elsewhere.",
    "credential": "It opens with this machine's credential alone; --passphrase seals one that opens elsewhere.",
}
OWN = "It opens with the passphrase you gave, and with nothing else."


@command(
    epilog="Examples: telekeep backup\n"
    "          telekeep backup main --to /mnt/usb/telekeep --passphrase\n"
    "          telekeep backup --keep 10 --keep-for 90d\n"
    "          telekeep backup bot.session"
)
@click.argument("names", metavar="[NAME|FILE.session]…", nargs=-1, type=NAME)
@click.option("--to", metavar="DIR", help="Where to (default: HOME/backups). Another disk is better.")
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="Throw older backups away, but the newest N.")
@click.option("--keep-for", type=SPAN, metavar="SPAN", help="Throw older backups away after this time, such as 90d.")
@click.option("--passphrase", is_flag=True, help="Seal it with a passphrase of its own, which is asked for.")
@click.option(
    "--passphrase-fd", type=click.IntRange(min=0), metavar="N", help="Read that passphrase from descriptor N."
)
def backup(
    invocation: Invocation,
    names: tuple[str, ...],
    to: str | None,
    keep: int | None,
    keep_for: float | None,
    passphrase: bool,
    passphrase_fd: int | None,
) -> int:
    """Make one sealed archive of the sessions NAME, or of the whole vault with its loans. It is read back, and every
    record in it opened, before this says that it is made. No connection is needed, and nobody is disturbed.

    With both --keep and --keep-for a backup goes only if neither keeps it. The newest one of a session always stays. A
    FILE.session that telekeep does not keep is stored as it is, unsealed, mode 0600. Exit code 8 if a session could
    not be read and was left out.
    """
    from telekeep.keeper.backup import back_up
    from telekeep.keeper.session_files import back_up_file
    from telekeep.vault.archive.retention import ASKED, Retention

    retention = Retention(keep, keep_for) if keep or keep_for else None
    folder = Path(to).expanduser().absolute() if to else None
    source = new_passphrase(passphrase, passphrase_fd)
    files = [Path(name).expanduser() for name in names if is_file(name)]
    sessions = [name for name in names if not is_file(name)]
    if source is not None and files:
        raise Usage(
            "A session file is stored as it is: a passphrase cannot seal it.",
            remedy="Keep it first: telekeep import FILE",
        )
    made: list[Backup] = []
    stored: list[FileBackup] = []
    with invocation.keeper() as keeper, invocation.out.progress("Backing up"):
        if sessions or not files:
            made.append(back_up(keeper, sessions or None, reason=ASKED, to=folder, source=source, retention=retention))
        stored += [back_up_file(keeper, file, to=folder, retention=retention) for file in files]
    lines = [line for each in made for line in _told(each, elsewhere=folder is not None)] + [
        line for each in stored for line in _stored(each)
    ]
    found = {"backups": [_facts(each) for each in made], "files": [_file_facts(each) for each in stored]}
    for each in made:
        for name, why in each.left_out.items():
            invocation.out.warn(f"{name} is not in it: {why}")
    invocation.out.data(found, () if invocation.quiet else lines)
    return CAUTION if any(each.left_out for each in made) else 0


def is_file(name: str) -> bool:
    """Whether an argument names a session file, and not a kept session."""
    return "/" in name or name.endswith(".session")


def _told(made: Backup, *, elsewhere: bool) -> list[str]:
    what = ", ".join(made.names) if len(made.names) <= 3 else f"{len(made.names)} sessions"
    lines = [
        f"{what or 'What was set aside'}: backed up, read back and whole ({size(made.size)}).",
        f"  {made.path}",
        OWN if made.own_key else OPENS.get(made.sealed_by, "").format(key=made.key_file),
        *_dropped(made.dropped),
        "→ To put it back: telekeep restore" + (f" --from {made.path}" if elsewhere else ""),
    ]
    return [line for line in lines if line]


def _stored(made: FileBackup) -> list[str]:
    held = f"Process {made.held_by.pid} was using it: this is what it had committed." if made.held_by else None
    lines = [
        f"{made.source}: backed up, read back and whole ({size(made.size)}).",
        f"  {made.path}",
        "Whoever has this file has the account; it is not sealed.",
        held or "",
        *_dropped(made.dropped),
        f"→ To put it back: telekeep restore {made.source}",
    ]
    return [line for line in lines if line]


def _dropped(dropped: tuple[Path, ...]) -> list[str]:
    return [f"{len(dropped)} older backup{'s were' if len(dropped) != 1 else ' was'} thrown away."] if dropped else []


def _facts(made: Backup) -> dict[str, Any]:
    facts: dict[str, Any] = plain(made)
    facts["path"] = str(made.path)
    facts["dropped"] = [str(path) for path in made.dropped]
    return facts


def _file_facts(made: FileBackup) -> dict[str, Any]:
    return {
        "source": str(made.source),
        "path": str(made.path),
        "made_at": made.made_at,
        "size": made.size,
        "held_by": made.held_by.pid if made.held_by else None,
        "dropped": [str(path) for path in made.dropped],
    }
