"""Where archives lie: a folder of their owner's alone, outside the vault. Stored whole or not at all, and read back.

Writers take turns by a lock on the folder, so that a draft found under it was left behind by a crash and may go.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from telekeep.database import border
from telekeep.errors import BackupDamaged, BackupError, BackupUnknown, ConfigError, NothingToRestore, TelekeepError
from telekeep.folder import beside, locked, publish
from telekeep.paths import check_private_folder, private_folder, sync_folder
from telekeep.vault.archive import sealing
from telekeep.vault.archive.header import Header
from telekeep.vault.archive.retention import Candidate

SUFFIX = ".telekeep"
STEM = "telegram_session"
_OURS = re.compile(re.escape(STEM) + r"_backup_\d{8}_\d{6}(_\d+)?" + re.escape(SUFFIX))
_DRAFT = re.compile(r"\.[^/]+_backup_\d{8}_\d{6}(_\d+)?\.(telekeep|session)\.[0-9a-f]{16}")


class Shelved(NamedTuple):
    """An archive as it lies in a folder. ``header`` is None if it cannot be read; ``error`` says why."""

    path: Path
    header: Header | None
    error: BackupError | None = None

    @property
    def is_whole(self) -> bool:
        return self.header is not None


def store(folder: Path, data: bytes, check: Callable[[bytes], None], *, stem: str, suffix: str, at: float) -> Path:
    """Write ``data`` under a name of its own, read it back and have it checked; its path. On disk when this returns.

    ``at``: the wall-clock second it is named after. ``check`` raises if what was read back is not right. Raises
    ConfigError for a folder that is not its owner's alone, StorageUnavailable if the disk refuses.
    """
    private_folder(folder)
    base = f"{stem}_backup_{time.strftime('%Y%m%d_%H%M%S', time.localtime(at))}"
    with border(folder), locked(folder):
        _sweep(folder)
        path, number = folder / f"{base}{suffix}", 1
        while os.path.lexists(path):
            number += 1
            path = folder / f"{base}_{number}{suffix}"
        draft = beside(path)
        try:
            with os.fdopen(os.open(draft, _FLAGS, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            check(draft.read_bytes())
            publish(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    return path


_FLAGS = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def _sweep(folder: Path) -> None:
    """Remove drafts that a crash left behind. Under the lock nobody else is writing one."""
    for path in folder.iterdir():
        if _DRAFT.fullmatch(path.name):
            with suppress(OSError):
                path.unlink()


def read(path: Path) -> bytes:
    """An archive as bytes. Raises NothingToRestore if there is no such file, BackupUnknown for what is no file or too
    large, StorageUnavailable.
    """
    with border(path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except FileNotFoundError:
            raise NothingToRestore(f"There is no backup {path}.") from None
        with os.fdopen(descriptor, "rb") as file:
            if not path.is_file():
                raise BackupUnknown(f"{path} is no file.")
            data = file.read(sealing.LARGEST + 1)
    if len(data) > sealing.LARGEST:
        raise BackupUnknown(f"{path} is larger than any backup.")
    return data


def look(path: Path) -> Shelved:
    """One archive, whole as far as one can tell without its key, or not."""
    try:
        header, _ = sealing.split(read(path))
    except BackupError as error:
        error.args = (f"{path.name}: {error.message}",)
        return Shelved(path, None, error)
    except TelekeepError as error:
        return Shelved(path, None, BackupDamaged(f"{path.name}: {error.message}", remedy=error.remedy))
    return Shelved(path, header)


def shelved(folder: Path, *, most: int | None = None) -> list[Shelved]:
    """What lies in ``folder`` under a name that archives have, newest first; whole or not. Links are not followed.

    ``most``: no more than so many, the newest by their names. Raises ConfigError if others may write there.
    """
    if not os.path.lexists(folder):
        return []
    check_private_folder(folder)
    with border(folder):
        paths = [
            Path(each.path) for each in os.scandir(folder) if is_ours(each.name) and each.is_file(follow_symlinks=False)
        ]
    found = [look(path) for path in sorted(paths, key=lambda path: path.name, reverse=True)[:most]]
    return sorted(found, key=lambda each: (each.header.made_at if each.header else 0.0, each.path.name), reverse=True)


def candidates(found: Iterable[Shelved], vault_id: str) -> list[Candidate]:
    """Those that may be thrown away: whole archives of this vault.

    One with the vault's key and one with a passphrase of its own do not replace each other: whichever key is lost, the
    other must do.
    """
    return [
        Candidate(
            each.path,
            each.header.made_at,
            frozenset((session.name, each.header.has_own_key) for session in each.header.sessions),
            each.header.reason,
        )
        for each in found
        if each.header is not None and each.header.vault_id == vault_id
    ]


def count(folder: Path) -> int:
    """How many files of ``folder`` are called as archives are."""
    with border(folder):
        return sum(is_ours(path.name) for path in folder.iterdir())


def is_ours(name: str) -> bool:
    """Whether an archive may be called so."""
    return _OURS.fullmatch(name) is not None


def throw_away(paths: Iterable[Path]) -> None:
    """Delete archives. Raises StorageUnavailable."""
    folders = set()
    for path in paths:
        with border(path):
            path.unlink(missing_ok=True)
        folders.add(path.parent)
    for folder in folders:
        with border(folder):
            sync_folder(folder)


def refuse_within(folder: Path, vault: Path) -> None:
    """Raise ConfigError if ``folder`` lies in the ``vault``: what goes with it is no backup of it."""
    real, inside = Path(os.path.realpath(folder)), Path(os.path.realpath(vault))
    if real == inside or inside in real.parents:
        raise ConfigError(f"{folder} lies in the vault: a backup belongs elsewhere.", remedy="Name another folder.")
