"""The end of a log that another process writes, and what it writes next."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from telekeep.errors import StorageUnavailable

_STEP = 0.1  # seconds between two looks
_CHUNK = 65_536


def last(path: Path, count: int) -> list[str]:
    """The last ``count`` lines of the log at ``path``, older files (``.1``) included; none if there is no log."""
    file = _open(path)
    if file is None:
        return []
    with file:
        return _last(file.read(), path, count)


def followed(path: Path, count: int) -> Iterator[str]:
    """The last ``count`` lines, and every further one once it is complete. Follows the log when it is moved aside."""
    file, rest = _open(path), b""
    if file is not None:
        written, newline, rest = file.read().rpartition(b"\n")
        yield from _last(written + newline, path, count)
    while True:
        if file is not None:
            while chunk := file.read(_CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from map(_text, lines)
        if file is None or _was_moved(path, file):
            newer = _open(path)
            if newer is not None:
                if file is not None:
                    file.close()
                file, rest = newer, b""
                continue
        time.sleep(_STEP)


def _last(written: bytes, path: Path, count: int) -> list[str]:
    lines = written.splitlines()
    older = _open(path.with_name(f"{path.name}.1")) if len(lines) < count else None
    if older is not None:
        with older:
            lines = older.read().splitlines() + lines
    return [_text(line) for line in lines[-count:]] if count else []


def _text(line: bytes) -> str:
    return line.decode(errors="replace")


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageUnavailable(f"The log {path} cannot be read: {error.strerror}.") from None


def _was_moved(path: Path, file: BinaryIO) -> bool:
    try:
        now, ours = path.stat(), os.fstat(file.fileno())
    except OSError:
        return False
    return (now.st_dev, now.st_ino) != (ours.st_dev, ours.st_ino)
