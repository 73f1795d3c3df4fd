"""A folder as one piece of bytes: a ZIP archive, as people send each other tdata folders anyway.

Nothing is unpacked onto the disk. Only the names that are asked for are read, each up to a bound, so that an archive
that swells to terabytes costs what its largest session file may cost.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from telekeep.errors import SessionCorrupt, StorageUnavailable, UnknownFormat

MAGIC = b"PK\x03\x04"
LARGEST_FILE = 4 << 20  # bytes of one file; the largest that are read have some kilobytes
_MOST_FILES = 20_000
_LARGEST_LIST = 4 << 20  # bytes of the list of files
_END, _END_BYTES, _END_WITHIN = b"PK\x05\x06", 22, 22 + 65_535  # the record at the end, and where it may begin
_ZIP64 = b"PK\x06\x07"
_MOST_READ = 64 << 20  # bytes of all
_SOMETIME = (1980, 1, 1, 0, 0, 0)
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, IndexError)


def is_bundle(source: bytes) -> bool:
    return source.startswith(MAGIC)


def pack(files: Mapping[str, bytes]) -> bytes:
    """``files``, by their paths with ``/``, as a bundle; the same files always make the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _SOMETIME), files[name])
    return buffer.getvalue()


class Bundle:
    """The files of a bundle, read when they are asked for. Raises SessionCorrupt for what is none."""

    def __init__(self, source: bytes) -> None:
        if not _is_listed_in_bounds(source):
            raise _damaged()
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(source))
            self._infos = {info.filename: info for info in self._archive.infolist()[:_MOST_FILES]}
        except _BROKEN:
            raise _damaged() from None
        self._left = _MOST_READ

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._infos)

    def find(self, *names: str) -> str | None:
        """The folder in it, "" or with ``/`` at its end, that holds a file of one of ``names``; the outermost one."""
        found = [path for path in self._infos if path.rpartition("/")[2] in names]
        if not found:
            return None
        return min(
            (path[: len(path) - len(path.rpartition("/")[2])] for path in found),
            key=lambda each: (each.count("/"), each),
        )

    def read(self, name: str) -> bytes | None:
        """The file of that name; None if there is none. Raises SessionCorrupt for one that is damaged or too large."""
        info = self._infos.get(name)
        if info is None:
            return None
        try:
            with self._archive.open(info) as file:
                content = file.read(min(LARGEST_FILE, self._left) + 1)
        except _BROKEN:
            raise _damaged() from None
        if len(content) > min(LARGEST_FILE, self._left):
            raise SessionCorrupt(
                "A file in this archive is far larger than any session file.", remedy="Name the folder itself."
            )
        self._left -= len(content)
        return content


def _is_listed_in_bounds(source: bytes) -> bool:
    """Whether the list of files, which is read as a whole, is no longer than that of any session's folder.

    Its length stands in the record at the end; archives of the larger kind (ZIP64) are no session's.
    """
    start = max(0, len(source) - _END_WITHIN)
    ends = [source.rfind(_END, start), len(source) - _END_BYTES]
    sizes = [int.from_bytes(source[end + 12 : end + 16], "little") for end in ends if source[end : end + 4] == _END]
    return bool(sizes) and max(sizes) <= _LARGEST_LIST and _ZIP64 not in source[start:]


def opened(source: bytes) -> Bundle | None:
    """The bundle that ``source`` is; None if it is none, or damaged."""
    if not is_bundle(source):
        return None
    try:
        return Bundle(source)
    except SessionCorrupt:
        return None


def _damaged() -> SessionCorrupt:
    return SessionCorrupt(
        "This archive cannot be read: it is damaged.", remedy="Name the folder itself, or pack it again."
    )


# ---- folders on the disk


def pack_folder(folder: Path, wanted: Callable[[str], bool]) -> bytes:
    """Those files of ``folder`` and of the folders in it that are ``wanted`` by name, as a bundle.

    Links, pipes and devices are passed over. Raises UnknownFormat for a folder of too much, StorageUnavailable.
    """
    files: dict[str, bytes] = {}
    left = _MOST_READ
    try:
        for path in _files(folder):
            if not wanted(path.name):
                continue
            content = _content(path)
            if content is None:
                continue
            left -= len(content)
            if left < 0:
                raise UnknownFormat(f"{folder} holds far more than a session.", remedy="Name the session's own folder.")
            files[PurePosixPath(path.relative_to(folder)).as_posix()] = content
    except OSError as error:
        raise StorageUnavailable(f"{folder} cannot be read: {error.strerror}.") from None
    return pack(files)


def _files(folder: Path) -> Iterator[Path]:
    """The files of ``folder``, and of the folders in it, no deeper."""
    count = 0
    for place in (folder, *sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink())):
        for path in sorted(place.iterdir()):
            count += 1
            if count > _MOST_FILES:
                return
            if not path.is_dir():
                yield path


def _content(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NOCTTY)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == 40:  # ELOOP: a link
            return None
        raise
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        content = file.read(LARGEST_FILE + 1)
    return content if len(content) <= LARGEST_FILE else None


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
