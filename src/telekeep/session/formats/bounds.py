"""How much of a packed folder is looked at, and what is said of one that is damaged."""

from __future__ import annotations

from telekeep.errors import SessionCorrupt

LARGEST_FILE = 4 << 20  # bytes of one file; the largest that are read have some kilobytes
MOST_FILES = 20_000
MOST_READ = 64 << 20  # bytes of all


def damaged() -> SessionCorrupt:
    return SessionCorrupt(
        "This archive cannot be read: it is damaged.", remedy="Name the folder itself, or pack it again."
    )
