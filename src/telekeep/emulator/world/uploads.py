"""Files on their way up, part by part (core.telegram.org/api/files#uploading-files)."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import md5

from telekeep.emulator.rpc_error import RpcError

LARGEST_PART = 512 * 1024
PARTS = 4000
SMALL = 10 * 1024 * 1024
"""Bytes of the largest file that may come without saying beforehand how many parts it has."""

KEPT = 128 << 20
"""Bytes of parts that are kept at once, of everybody: then the oldest uploads are forgotten. No file may be larger."""


@dataclass(slots=True)
class _Upload:
    total: int | None  # parts, of a big file
    parts: dict[int, bytes] = field(default_factory=dict)
    bytes: int = 0
    part_size: int = 0  # of a big file, once a part that is not the last has come


class Uploads:
    """Parts of files. ``owner``, throughout: a user and a data center; parts saved on another one are not found."""

    def __init__(self, *, kept: int = KEPT) -> None:
        self._uploads: dict[tuple[int, int, int], _Upload] = {}
        self._kept = kept
        self._bytes = 0

    def save(self, owner: tuple[int, int], file_id: int, part: int, data: bytes, *, total: int | None = None) -> None:
        """Keep a part; the same part again replaces it. ``total``: how many there will be, for a big file.

        Raises RpcError 400: FILE_PART_INVALID, FILE_PARTS_INVALID, FILE_PART_EMPTY, FILE_PART_TOO_BIG,
        FILE_PART_SIZE_INVALID, FILE_PART_SIZE_CHANGED.
        """
        if total is not None and not 1 <= total <= PARTS:
            raise RpcError(400, "FILE_PARTS_INVALID")
        if not 0 <= part < (total or PARTS):
            raise RpcError(400, "FILE_PART_INVALID")
        if not data:
            raise RpcError(400, "FILE_PART_EMPTY")
        if len(data) > LARGEST_PART:
            raise RpcError(400, "FILE_PART_TOO_BIG")
        upload = self._uploads.get((*owner, file_id)) or _Upload(total)
        if upload.total != total or upload.bytes + len(data) > self._kept:
            raise RpcError(400, "FILE_PARTS_INVALID")
        if total is not None and part < total - 1:
            _check_size(data)
            if upload.part_size not in (0, len(data)):
                raise RpcError(400, "FILE_PART_SIZE_CHANGED")
            upload.part_size = len(data)
        self._uploads[(*owner, file_id)] = upload
        more = len(data) - len(upload.parts.get(part, b""))
        upload.parts[part] = data
        upload.bytes += more
        self._bytes += more
        for oldest in list(self._uploads):
            if self._bytes <= self._kept:
                break
            if self._uploads[oldest] is not upload:
                self._bytes -= self._uploads.pop(oldest).bytes

    def whole(self, owner: tuple[int, int], file_id: int, parts: int, *, big: bool, checksum: str = "") -> bytes:
        """The file. It can be asked for again. ``checksum``: the MD5 of a small file in hexadecimal, if it was given.

        Raises RpcError 400: FILE_PARTS_INVALID, FILE_PART_X_MISSING, FILE_PART_SIZE_INVALID, FILE_PART_SIZE_CHANGED,
        MD5_CHECKSUM_INVALID.
        """
        if not 1 <= parts <= PARTS:
            raise RpcError(400, "FILE_PARTS_INVALID")
        upload = self._uploads.get((*owner, file_id)) or _Upload(parts if big else None)
        if upload.total != (parts if big else None) or any(part >= parts for part in upload.parts):
            raise RpcError(400, "FILE_PARTS_INVALID")
        for part in range(parts):
            if part not in upload.parts:
                raise RpcError(400, f"FILE_PART_{part}_MISSING")
        if not big and upload.bytes > SMALL:
            raise RpcError(400, "FILE_PARTS_INVALID")
        size = len(upload.parts[0])
        if parts > 1:
            _check_size(upload.parts[0])
        if len(upload.parts[parts - 1]) > size or any(len(upload.parts[part]) != size for part in range(parts - 1)):
            raise RpcError(400, "FILE_PART_SIZE_CHANGED")
        data = b"".join(upload.parts[part] for part in range(parts))
        if checksum and checksum.lower() != md5(data, usedforsecurity=False).hexdigest():
            raise RpcError(400, "MD5_CHECKSUM_INVALID")
        return data


def _check_size(part: bytes) -> None:
    """A part that is not the last has whole KiB, and divides 512 KiB."""
    if len(part) % 1024 or LARGEST_PART % len(part):
        raise RpcError(400, "FILE_PART_SIZE_INVALID")
