"""A folder as one piece of bytes: the names and contents of its files, one after the other.

People send each other such folders as ZIP archives; those are bundles too, see `zipped`. Nothing is unpacked onto the
disk, and only files that are asked for are read.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from telekeep.errors import SessionCorrupt, StorageUnavailable, UnknownFormat
from telekeep.session.formats.bounds import LARGEST_FILE, MOST_FILES, MOST_READ, damaged

if TYPE_CHECKING:
    from telekeep.session.formats.zipped import Archive

MAGIC, ZIP_MAGIC = b"telekeep folder\0", b"PK\x03\x04"
_HEAD = struct.Struct(">II")  # bytes of the name, and of the content; both follow


def is_bundle(source: bytes) -> bool:
    return source.startswith((MAGIC, ZIP_MAGIC))


def pack(files: Mapping[str, bytes]) -> bytes:
    """``files``, by their paths with ``/``, as a bundle; the same files always make the same bytes."""
    parts = [MAGIC]
    for name in sorted(files):
        spelt = os.fsencode(name)
        parts += _HEAD.pack(len(spelt), len(files[name])), spelt, files[name]
    return b"".join(parts)


class Bundle:
    """The files of a bundle, read when they are asked for. Raises SessionCorrupt for what is none."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._places: dict[str, slice] = {}
        self._archive: Archive | None = None
        if source.startswith(MAGIC):
            self._places = _places(source)
        else:
            from telekeep.session.formats.zipped import Archive  # here: it takes 10 ms, and few are ZIP archives

            self._archive = Archive(source)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._places) if self._archive is None else self._archive.names

    def find(self, *names: str) -> str | None:
        """The folder in it, "" or with ``/`` at its end, that holds a file of one of ``names``; the outermost one."""
        found = [path for path in self.names if path.rpartition("/")[2] in names]
        if not found:
            return None
        return min(
            (path[: len(path) - len(path.rpartition("/")[2])] for path in found),
            key=lambda each: (each.count("/"), each),
        )

    def read(self, name: str) -> bytes | None:
        """The file of that name; None if there is none. Raises SessionCorrupt for one that is damaged or too large."""
        if self._archive is not None:
            return self._archive.read(name)
        place = self._places.get(name)
        return None if place is None else self._source[place]


def _places(source: bytes) -> dict[str, slice]:
    """Where in a bundle of ours each file lies."""
    places: dict[str, slice] = {}
    at = len(MAGIC)
    while at < len(source):
        if len(source) - at < _HEAD.size or len(places) == MOST_FILES:
            raise damaged()
        named, long = _HEAD.unpack_from(source, at)
        start = at + _HEAD.size + named
        at = start + long
        name = os.fsdecode(source[start - named : start])
        if at > len(source) or long > LARGEST_FILE or name in places:
            raise damaged()
        places[name] = slice(start, at)
    return places


def opened(source: bytes) -> Bundle | None:
    """The bundle that ``source`` is; None if it is none, or damaged."""
    if not is_bundle(source):
        return None
    try:
        return Bundle(source)
    except SessionCorrupt:
        return None


# ---- folders on the disk


def pack_folder(folder: Path, wanted: Callable[[str], bool], inside: Callable[[str], object]) -> bytes:
    """Those files of ``folder`` that are ``wanted`` by name, and of the folders in it whose ``inside`` is; as a bundle.

    Links, pipes and devices are passed over. Raises UnknownFormat for a folder of too much, StorageUnavailable.
    """
    files: dict[str, bytes] = {}
    left = MOST_READ
    try:
        for name in _files(folder, wanted, inside):
            content = _content(f"{folder}/{name}")
            if content is None:
                continue
            left -= len(content)
            if left < 0:
                raise UnknownFormat(f"{folder} holds far more than a session.", remedy="Name the session's own folder.")
            files[name] = content
    except OSError as error:
        raise StorageUnavailable(f"{folder} cannot be read: {error.strerror}.") from None
    return pack(files)


def _files(folder: Path, wanted: Callable[[str], bool], inside: Callable[[str], object]) -> Iterator[str]:
    """The paths in ``folder`` of the files that are wanted, in it and in the folders in it, no deeper."""
    count = 0
    places = [""]  # and what is found
    for place in places:
        with os.scandir(f"{folder}/{place}") as entries:
            for entry in entries:
                count += 1
                if count > MOST_FILES:
                    return
                if not entry.is_dir(follow_symlinks=False):
                    if wanted(entry.name):
                        yield place + entry.name
                elif not place and inside(entry.name):
                    places.append(f"{entry.name}/")


def _content(path: str) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NOCTTY)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == 40:  # ELOOP: a link
            return None
        raise
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_FILE:
            return None
        return file.read(found.st_size)


def unpack(source: bytes, folder: Path) -> None:
    """Write a bundle of ours, which holds one folder, as a new ``folder``, whole or not at all; modes 0700 and 0600.

    Raises StorageUnavailable if ``folder`` is there already, or cannot be made.
    """
    import tempfile

    bundle = Bundle(source)
    try:
        if os.path.lexists(folder):
            raise FileExistsError(17, "it is already there")
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as place:
            draft = Path(place) / "draft"
            draft.mkdir(mode=0o700)
            for name in bundle.names:
                path = draft / name.partition("/")[2]
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(bundle.read(name) or b"")
                    file.flush()
                    os.fsync(file.fileno())
            draft.rename(folder)
    except OSError as error:
        raise StorageUnavailable(f"{folder} cannot be written: {error.strerror}.") from None
