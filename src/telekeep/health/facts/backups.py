"""The backups in the home's own folder, as far as they can be read without a key."""

from __future__ import annotations

from telekeep.health.checks.backups import Archive
from telekeep.paths import Home
from telekeep.vault.archive.folder import shelved

_MOST = 100  # the newest; each is read whole


def gather(home: Home) -> list[Archive]:
    """Raises ConfigError if the folder is open to others, StorageUnavailable if it cannot be read."""
    return [
        Archive(
            each.path.name,
            each.header.made_at if each.header else 0.0,
            {session.name: session.generation for session in each.header.sessions} if each.header else {},
            each.error.message if each.error else None,
        )
        for each in shelved(home.backups, most=_MOST)
    ]
