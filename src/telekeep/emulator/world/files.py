"""Files that were sent: photos and documents, each on the data center of whoever uploaded it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world.image import dimensions

KEPT = 256 << 20
"""Bytes of files that the world keeps. Then the oldest are forgotten: messages show them still, but they cannot be
downloaded or sent any more."""

LARGEST_PHOTO = 10 << 20
_PICTURES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif"}
_FIRST = 5_000_000_001

Kind = Literal["photo", "document"]


@dataclass(slots=True, eq=False)
class File:
    """``width`` and ``height`` of a photo in pixels; ``attributes`` of a document as they were sent, opaque here;
    ``thumb``: a smaller picture of it."""

    id: int
    kind: Kind
    dc_id: int
    date: int
    data: bytes
    mime_type: str
    attributes: tuple[Any, ...] = ()
    thumb: bytes = b""
    width: int = 0
    height: int = 0
    size: int = 0  # stays when the bytes are forgotten

    def __repr__(self) -> str:
        return f"<{self.kind} {self.id} on DC {self.dc_id}: {self.size} bytes>"


class Files:
    """All of them, by id."""

    def __init__(self, *, kept: int = KEPT) -> None:
        self._files: dict[int, File] = {}
        self._kept = kept
        self._bytes = 0
        self._next = _FIRST

    def find(self, file_id: int) -> File | None:
        return self._files.get(file_id)

    def add_photo(self, data: bytes, name: str, *, dc_id: int, date: int) -> File:
        """Raises RpcError 400 PHOTO_EXT_INVALID, PHOTO_SAVE_FILE_INVALID (too large), IMAGE_PROCESS_FAILED (no
        picture), PHOTO_INVALID_DIMENSIONS."""
        mime_type = _PICTURES.get(name.rpartition(".")[2].lower())
        if mime_type is None:
            raise RpcError(400, "PHOTO_EXT_INVALID")
        if len(data) > LARGEST_PHOTO:
            raise RpcError(400, "PHOTO_SAVE_FILE_INVALID")
        size = dimensions(data)
        if size is None:
            raise RpcError(400, "IMAGE_PROCESS_FAILED")
        width, height = size
        if not min(size) or sum(size) > 10_000 or max(size) > 20 * min(size):
            raise RpcError(400, "PHOTO_INVALID_DIMENSIONS")
        return self._add(File(self._next, "photo", dc_id, date, data, mime_type, width=width, height=height))

    def add_document(
        self, data: bytes, *, mime_type: str, attributes: tuple[Any, ...], dc_id: int, date: int, thumb: bytes = b""
    ) -> File:
        mime_type = mime_type or "application/octet-stream"
        return self._add(File(self._next, "document", dc_id, date, data, mime_type, attributes, thumb))

    def _add(self, file: File) -> File:
        file.size = len(file.data)
        self._next += 1
        self._files[file.id] = file
        self._bytes += file.size + len(file.thumb)
        while self._bytes > self._kept and len(self._files) > 1:
            oldest = self._files.pop(next(iter(self._files)))
            self._bytes -= oldest.size + len(oldest.thumb)
            oldest.data = oldest.thumb = b""
        return file
