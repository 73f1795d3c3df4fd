"""The traces a key leaves in a file, in whichever format, and other files that hold it too."""

from __future__ import annotations

import os
import stat
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable
from pathlib import Path

from telekeep.session.model import AuthKey

_MOST_FILES = 1000  # of a folder
_LARGEST = 64 << 20  # bytes of a file that is looked into


def traces(key: AuthKey) -> tuple[bytes, ...]:
    """What of ``key`` stands in a file that holds it: its bytes, in hex, or the middle of any base64 string around it
    (three spellings, as base64 writes three bytes at a time).
    """
    raw = key.reveal()
    inner = [raw[skip : skip + (len(raw) - skip) // 3 * 3] for skip in range(3)]
    spelt = (code(each) for each in inner for code in (urlsafe_b64encode, b64encode))
    return tuple(dict.fromkeys((raw, raw.hex().encode(), *spelt)))


def holds(content: bytes, key: AuthKey) -> bool:
    """Whether ``content`` holds ``key``."""
    return any(trace in content for trace in traces(key))


def copies(folder: Path, keys: Iterable[AuthKey], besides: Path) -> list[Path]:
    """Other files of ``folder`` that hold one of ``keys``. Files that cannot be read, or are very large, are passed
    over; so are folders in it.
    """
    wanted = [trace for key in keys for trace in traces(key)]
    found = []
    with os.scandir(folder) as entries:
        files = [Path(each.path) for each, _ in zip(entries, range(_MOST_FILES), strict=False)]
    for path in sorted(files):
        if path == besides:
            continue
        try:
            about = path.lstat()
            if not stat.S_ISREG(about.st_mode) or about.st_size > _LARGEST:
                continue
            content = path.read_bytes()
        except OSError:
            continue
        if any(trace in content for trace in wanted):
            found.append(path)
    return found
