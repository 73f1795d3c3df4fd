"""Moves inside a folder that several processes share."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from telekeep.paths import sync_folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes of telekeep out of ``folder`` for a few system calls. The kernel frees it when we die."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def beside(path: Path) -> Path:
    """A name next to ``path`` for its content while it is not whole yet."""
    return path.with_name(f".{path.name}.{os.urandom(8).hex()}")


def publish(whole: Path, path: Path) -> None:
    """Give a synced file its name, on disk when this returns. Raises FileExistsError: nothing is ever overwritten."""
    os.link(whole, path)
    whole.unlink()
    sync_folder(path.parent)


def set_aside(path: Path, *, inode: int, stamp: int) -> Path | None:
    """Rename ``path``, with the companions SQLite gave it, if it is still the file with this ``inode``.

    Returns the new name, or None if another process was quicker. ``stamp`` (wall-clock seconds) tells several apart.
    """
    with locked(path.parent):
        try:
            if path.stat().st_ino != inode:
                return None
        except FileNotFoundError:
            return None
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{os.urandom(2).hex()}")
        path.rename(aside)
        for companion in ("-journal", "-wal", "-shm"):
            other = path.with_name(path.name + companion)
            if other.exists():
                other.rename(aside.with_name(aside.name + companion))
        sync_folder(path.parent)
        return aside
