"""upload.*: files up and down in pieces (core.telegram.org/api/files). There are no CDN data centers here."""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render.view import PHOTO_SIZES, THUMB
from telekeep.emulator.services.media import known
from telekeep.emulator.world.files import File, Kind
from telekeep.mtproto.schema import functions, types

_MIB = 1 << 20
_COARSE, _FINE = 4096, 1024  # bytes that offset and limit are multiples of; fine if the client asks to be precise

_TYPES = {
    "image/jpeg": types.storage.FileJpeg,
    "image/png": types.storage.FilePng,
    "image/gif": types.storage.FileGif,
    "image/webp": types.storage.FileWebp,
    "application/pdf": types.storage.FilePdf,
    "audio/mpeg": types.storage.FileMp3,
    "video/mp4": types.storage.FileMp4,
    "video/quicktime": types.storage.FileMov,
}


@handles(functions.upload.SaveFilePartRequest)
def save_file_part(call: Call, request: Any) -> Any:
    call.world.uploads.save((call.user_id, call.dc_id), request.file_id, request.file_part, request.bytes)
    return True


@handles(functions.upload.SaveBigFilePartRequest)
def save_big_file_part(call: Call, request: Any) -> Any:
    owner, total = (call.user_id, call.dc_id), request.file_total_parts
    call.world.uploads.save(owner, request.file_id, request.file_part, request.bytes, total=total)
    return True


@handles(functions.upload.GetFileRequest)
def get_file(call: Call, request: Any) -> Any:
    """A piece of a file; nothing beyond its end. Any login may ask, one that was exported here too: where it counts is
    where the file lies.

    Raises RpcError 303 FILE_MIGRATE_X; 400 OFFSET_INVALID, LIMIT_INVALID, LOCATION_INVALID, FILE_ID_INVALID, and about
    the file reference.
    """
    offset, limit = request.offset, request.limit
    step = _FINE if request.precise else _COARSE
    if offset < 0 or offset % step:
        raise RpcError(400, "OFFSET_INVALID")
    if limit <= 0 or limit % step or limit > _MIB or not (request.precise or _MIB % limit == 0):
        raise RpcError(400, "LIMIT_INVALID")
    if offset // _MIB != (offset + limit - 1) // _MIB:  # a piece lies within one MiB
        raise RpcError(400, "LIMIT_INVALID")
    file, data = _located(call, request.location)
    kind = _TYPES.get(file.mime_type, types.storage.FileUnknown)
    return types.upload.File(type=kind(), mtime=file.date, bytes=data[offset : offset + limit])


def _located(call: Call, location: Any) -> tuple[File, bytes]:
    """The file of an InputFileLocation, and which of its bytes."""
    kind: Kind
    if isinstance(location, types.InputPhotoFileLocation):
        kind = "photo"
    elif isinstance(location, types.InputDocumentFileLocation):
        kind = "document"
    else:
        raise RpcError(400, "LOCATION_INVALID")
    file = known(call, kind, location, error="FILE_ID_INVALID", here=True)
    if file.kind == "photo":
        if location.thumb_size in PHOTO_SIZES:
            return file, file.data
    elif not location.thumb_size:
        return file, file.data
    elif file.thumb and location.thumb_size == THUMB:
        return file, file.thumb
    raise RpcError(400, "LOCATION_INVALID")
