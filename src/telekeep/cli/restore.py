"""``telekeep restore``: put sessions back from a backup, or an older generation in force again."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from telekeep.cli.archives import choice, number_chosen, show
from telekeep.cli.arguments import NAME
from telekeep.cli.ask import at_terminal, confirm
from telekeep.cli.backup import is_file
from telekeep.cli.command import Invocation, Usage, command
from telekeep.cli.output import moment, style
from telekeep.cli.passphrase import typed
from telekeep.cli.sealing import known_passphrase
from telekeep.cli.test import EXIT_CODES
from telekeep.errors import NothingToRestore, TelegramSessionError
from telekeep.words import fitted

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.keeper.probe import Probe
    from telekeep.keeper.restore import Restored
    from telekeep.vault.archive.folder import Shelved
    from telekeep.vault.archive.header import Header
    from telekeep.vault.archive.sealing import Opened

WARNING = "An older key works only while Telegram still knows it, and must be used nowhere else at the same time."
LOANS = "Loans that were open when the backup was made are open again: `telekeep loans list` shows them."
_MOST_TESTS = 10  # sessions that are tested by themselves; of more, a person chooses


@command(
    epilog="Examples: telekeep restore\n"
    "          telekeep restore main\n"
    "          telekeep restore --from /mnt/usb/telegram_session_backup_20260301_120000.telekeep\n"
    "          telekeep restore main --generation 3\n"
    "          telekeep restore bot.session"
)
@click.argument("name", metavar="[NAME|FILE.session]", required=False, type=NAME)
@click.option("--from", "place", metavar="BACKUP|DIR", help="A backup, or a folder of backups (default: HOME/backups).")
@click.option("--generation", type=click.IntRange(min=1), help="One stored in the vault: see `telekeep history NAME`.")
@click.option("--list", "listing", is_flag=True, help="Show the backups that are there, and change nothing.")
@click.option("--move", is_flag=True, help="It comes from another machine, where nothing uses its keys any more.")
@click.option("--no-test", is_flag=True, help="Do not ask Telegram about it afterwards.")
@click.option("--passphrase-fd", type=click.IntRange(min=0), metavar="N", help="Read its passphrase from descriptor N.")
def restore(
    invocation: Invocation,
    name: str | None,
    place: str | None,
    generation: int | None,
    listing: bool,
    move: bool,
    no_test: bool,
    passphrase_fd: int | None,
) -> int:
    """Put sessions back: NAME from the newest backup that holds it, or what you choose from a list (0 cancels).

    The backup is opened, and every record in it read, before anything is touched; then the present state is backed
    up, and the session becomes a new generation. Afterwards Telegram is asked about it once: exit codes as `telekeep
    test`. With --generation: a generation that the vault itself stores, in force again; what is in force now stays
    stored.
    """
    at = Path(place).expanduser().absolute() if place else None
    if generation is not None and (at or listing or name is None or is_file(name)):
        raise Usage("--generation goes with the NAME of a kept session, and with nothing else.")
    if name is not None and is_file(name):
        return _file(invocation, Path(name).expanduser(), at, listing)
    if generation is not None:
        assert name is not None
        return _generation(invocation, name, generation)
    with invocation.keeper() as keeper:
        from telekeep.keeper import restore as verb

        found = verb.archives(keeper, at, name=name)
        if listing:
            show(invocation, found)
            return 0
        single = at is not None and not at.is_dir()
        if not single and at_terminal() and not invocation.yes:
            chosen = choice(invocation, [each for each in found if each.header], [e for e in found if not e.header])
            if isinstance(chosen, int):
                return chosen
        elif name is None and not single:
            raise Usage("Which backup? Nobody can be asked here.", remedy="Name a session, or a backup with --from.")
        else:
            chosen = verb.choose(found, name)
        return _archive(
            invocation,
            keeper,
            chosen,
            name,
            is_named=at is not None,
            move=move,
            test=not no_test,
            descriptor=passphrase_fd,
        )


# ---- from an archive


def _ended(keeper: Keeper, archive: Opened, names: list[str]) -> list[str]:
    """Those of ``names`` whose keys are known here to be dead. Of a vault that cannot be read nothing is known."""
    from telekeep.vault.vault import Vault

    if not Vault.exists(keeper.home.vault):
        return []
    with suppress(TelegramSessionError):
        keys = {each.name: key for each, key in zip(archive.header.sessions, archive.key_ids, strict=True)}
        return [name for name in names if name in keys and keeper.vault.quarantined(keys[name]) is not None]
    return []


def _archive(
    invocation: Invocation,
    keeper: Keeper,
    chosen: Shelved,
    name: str | None,
    *,
    is_named: bool,
    move: bool,
    test: bool,
    descriptor: int | None,
) -> int:
    """``is_named``: the backup was named by whoever asks, not found."""
    from telekeep.keeper import restore as verb

    assert chosen.header is not None
    keeper = _opening(invocation, keeper, chosen.header)
    archive = verb.opened(keeper, chosen.path, ask=known_passphrase(descriptor))
    names = [name] if name else list(archive.header.names)
    told = ", ".join(names) if len(names) <= 5 else f"{len(names)} sessions"
    ended = _ended(keeper, archive, names)
    if ended:
        whose = f"The key that {chosen.path.name} holds of {', '.join(ended)} has ended since"
        if invocation.yes and not is_named:
            raise NothingToRestore(
                f"{whose}. Nothing was changed.",
                remedy="See `telekeep restore --list`, and name the backup with --from to have it all the same.",
            )
        invocation.out.warn(f"{whose}: put back, it is of no use, and a new login is needed.")
    confirm(invocation, f"Put {told or 'it'} back as of {moment(archive.header.made_at)}?")
    with keeper:
        with invocation.out.progress("Restoring"):
            done = verb.restore(keeper, archive, [name] if name else None, move=move)
        invocation.out.warn(WARNING, *([LOANS] if done.loans else ()))
        tested = _tested(invocation, keeper, [each.name for each in done.entries]) if test else []
    _tell(invocation, chosen.path, done, tested)
    return next((EXIT_CODES[each.state] for each in tested if each.state != "ok"), 0)


def _opening(invocation: Invocation, keeper: Keeper, header: Header) -> Keeper:
    """The keeper to open the backup with: where the vault is gone, its passphrase is asked for all the same, once."""
    from telekeep.keeper.keeper import Keeper
    from telekeep.vault.keys import PASSPHRASE
    from telekeep.vault.keys.passphrase import Passphrase
    from telekeep.vault.vault import Vault

    if header.has_own_key or header.opening.source != PASSPHRASE or Vault.exists(keeper.home.vault):
        return keeper
    if os.environ.get("TELEKEEP_PASSPHRASE_FILE") or not at_terminal():
        return keeper
    once = cache(lambda: typed(new=False))
    return Keeper.open(home=invocation.home, network=invocation.network, key_source=Passphrase(once))


def _tested(invocation: Invocation, keeper: Keeper, names: list[str]) -> list[Probe]:
    """What Telegram says of each, asked once."""
    import asyncio

    from telekeep.keeper.probe import probe

    if len(names) > _MOST_TESTS:
        invocation.out.note(f"Telegram was not asked about {len(names)} sessions: `telekeep diagnostics` does it.")
        return []
    with invocation.out.progress("Asking Telegram"):
        return [asyncio.run(probe(keeper, name)) for name in names]


def _tell(invocation: Invocation, path: Path, done: Restored, tested: list[Probe]) -> None:
    said = {each.name: each for each in tested}
    lines = []
    for entry in done.entries:
        lines.append(f"{style('✓', 'good')} {entry.name} is back, as generation {entry.generation}.")
        found = said.get(entry.name)
        if found is not None and found.state == "ok":
            lines.append(f"  Telegram accepts it (user {found.user_id}).")
        elif found is not None:
            lines.append(f"  {style('✗', 'bad')} Tested with Telegram: {found.reason}")
            lines.append(f"  → {fitted(found.remedy, entry.name)}")
        else:
            lines.append(f"  → Ask Telegram about it: telekeep test {entry.name}")
    if done.before is not None:
        lines.append(f"What was there before is in {done.before.path}.")
    facts = {
        "from": str(path),
        "sessions": [
            {
                "name": entry.name,
                "generation": entry.generation,
                "test": said[entry.name].state if entry.name in said else None,
                "error": said[entry.name].error if entry.name in said else None,
            }
            for entry in done.entries
        ],
        "before": str(done.before.path) if done.before else None,
        "loans": done.loans,
        "warning": WARNING,
    }
    invocation.out.data(facts, () if invocation.quiet else lines)


# ---- from the vault's own generations


def _generation(invocation: Invocation, name: str, generation: int) -> int:
    from telekeep.keeper import transfer

    with invocation.keeper() as keeper:
        confirm(invocation, f"Put generation {generation} of {name} in force?")
        entry = transfer.put_back(keeper, name, generation)
    invocation.out.warn(WARNING)
    done = f"Generation {generation} of {name} is in force again, as generation {entry.generation}."
    told = {"name": name, "restored": generation, "generation": entry.generation, "warning": WARNING}
    invocation.out.data(told, () if invocation.quiet else [done, f"→ Ask Telegram about it: telekeep test {name}"])
    return 0


# ---- a session file


def _file(invocation: Invocation, file: Path, at: Path | None, listing: bool) -> int:
    from telekeep.keeper.session_files import copies_of, restore_file

    with invocation.keeper() as keeper:
        copy = at if at is not None and not at.is_dir() else None
        found = [] if copy else copies_of(keeper, file, at)
        if listing:
            facts = {"backups": [{"path": str(path), "made_at": made_at} for path, made_at in found]}
            shown = [f"{moment(made_at)}  {path}" for path, made_at in found]
            invocation.out.data(facts, shown or [f"There is no backup of {file} here."])
            return 0
        if copy is None:
            if not found:
                raise NothingToRestore(f"There is no backup of {file} here.", remedy="Name one with --from.")
            number = 1
            if at_terminal() and not invocation.yes:
                picked = number_chosen(invocation, [f"{moment(made_at)}  {path.name}" for path, made_at in found])
                if picked <= 0:
                    return -picked
                number = picked
            copy = found[number - 1][0]
        confirm(invocation, f"Put {copy.name} in the place of {file}?")
        session, before = restore_file(keeper, file, copy)
    invocation.out.warn(WARNING)
    lines = [f"{style('✓', 'good')} {file} is back (key {session.auth_key.fingerprint})."]
    if before is not None:
        lines.append(f"What was there before is in {before.path}.")
    lines.append(f"→ Only Telegram can tell whether it is still good: run your program, or telekeep import {file}")
    told = {"file": str(file), "from": str(copy), "before": str(before.path) if before else None, "warning": WARNING}
    invocation.out.data(told, () if invocation.quiet else lines)
    return 0
