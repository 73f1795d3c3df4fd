"""A folder that somebody packed as a ZIP archive.

Only the names that are asked for are read, each up to a bound, so that an archive that swells to terabytes costs what
its largest session file may cost.
"""

from __future__ import annotations

import io
import zipfile
import zlib

from telekeep.errors import SessionCorrupt
from telekeep.session.formats.bounds import LARGEST_FILE, MOST_FILES, MOST_READ, damaged

_LARGEST_LIST = 4 << 20  # bytes of the list of files
_END, _END_BYTES, _END_WITHIN = b"PK\x05\x06", 22, 22 + 65_535  # the record at the end, and where it may begin
_ZIP64 = b"PK\x06\x07"
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, IndexError)


class Archive:
    """The files of an archive, read when they are asked for. Raises SessionCorrupt for what is none."""

    def __init__(self, source: bytes) -> None:
        if not _is_listed_in_bounds(source):
            raise damaged()
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(source))
            self._infos = {info.filename: info for info in self._archive.infolist()[:MOST_FILES]}
        except _BROKEN:
            raise damaged() from None
        self._left = MOST_READ

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._infos)

    def read(self, name: str) -> bytes | None:
        """The file of that name; None if there is none. Raises SessionCorrupt for one that is damaged or too large."""
        info = self._infos.get(name)
        if info is None:
            return None
        try:
            with self._archive.open(info) as file:
                content = file.read(min(LARGEST_FILE, self._left) + 1)
        except _BROKEN:
            raise damaged() from None
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
