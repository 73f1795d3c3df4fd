"""Modes and owners of everything that is for its owner only."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from telekeep.errors import StorageUnavailable
from telekeep.health.checks.permissions import Found
from telekeep.paths import Home


def gather(home: Home, settings: Path = Path(".env")) -> list[Found]:
    """What of ``home`` is there, its key file, and the ``settings``. Raises StorageUnavailable if none can tell."""
    found = []
    for path, what in _ours(home, settings):
        try:
            seen = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise StorageUnavailable(f"{path} cannot be looked at: {error.strerror}.") from None
        found.append(Found(str(path), what, seen.st_mode, seen.st_uid == os.geteuid()))
    return found


def _ours(home: Home, settings: Path) -> Iterable[tuple[Path, str]]:
    for folder in (home.root, home.vault, home.backups, home.run, home.log, home.state):
        yield folder, "folder"
    for name in ("sessions.db", "lagging.db"):
        yield home.vault / name, "vault's file"
    yield home.key_file, "key file"
    for log in ("daemon.log", "daemon.log.1", "daemon.log.2"):
        yield home.log / log, "log"
    yield settings, "settings"
