"""messages.* about files: sending them, alone or as an album."""

from __future__ import annotations

import secrets
from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render.updates import deliver, full
from telekeep.emulator.services.asking import entities_of, login, peer_of, reply_of, view
from telekeep.emulator.services.paging import sent_as
from telekeep.emulator.world.files import File, Kind
from telekeep.emulator.world.post import check_text
from telekeep.mtproto.schema import functions, types

LARGEST_ALBUM = 10


@handles(functions.messages.UploadMediaRequest)
def upload_media(call: Call, request: Any) -> Any:
    """The file as a message would carry it, without a message."""
    seen = view(call)
    peer_of(seen, request.peer)
    return seen.media(file_of(call, request.media))


@handles(functions.messages.SendMediaRequest)
def send_media(call: Call, request: Any) -> Any:
    seen = view(call)
    if request.schedule_date:
        raise RpcError(400, "SCHEDULE_DATE_INVALID")
    peer = peer_of(seen, request.peer)
    before = request.random_id in seen.account.box.sent
    sent = call.world.send_message(
        seen.account,
        peer,
        request.message,
        random_id=request.random_id,
        reply_to=reply_of(request.reply_to),
        entities=entities_of(request),
        media=None if before else file_of(call, request.media),
    )
    deliver(call.telegram, call.world, sent.deliveries, skip=call.connection)
    return full(seen, [sent.event], first=sent_as(seen, [(request.random_id, sent)]))


@handles(functions.messages.SendMultiMediaRequest)
def send_multi_media(call: Call, request: Any) -> Any:
    """An album: all of it or nothing, in one piece for everybody. Its files were uploaded before (`upload_media`).

    Raises RpcError 400 MULTI_MEDIA_TOO_LONG, MEDIA_EMPTY (no files), MEDIA_INVALID (a file that is just being
    uploaded), 500 RANDOM_ID_DUPLICATE, and as for a single file; of a reference, it says whose (FILE_REFERENCE_X_…).
    """
    seen = view(call)
    if request.schedule_date:
        raise RpcError(400, "SCHEDULE_DATE_INVALID")
    peer, singles = peer_of(seen, request.peer), request.multi_media
    if not singles:
        raise RpcError(400, "MEDIA_EMPTY")
    if len(singles) > LARGEST_ALBUM:
        raise RpcError(400, "MULTI_MEDIA_TOO_LONG")
    before, ids = seen.account.box.sent, {each.random_id for each in singles}
    if 0 in ids:
        raise RpcError(400, "RANDOM_ID_EMPTY")
    if len(ids) < len(singles) or any(before[each].peer != peer for each in ids if each in before):
        raise RpcError(500, "RANDOM_ID_DUPLICATE")
    files = [None if each.random_id in before else _of_album(call, number, each) for number, each in enumerate(singles)]
    grouped_id = secrets.randbits(62) + 1
    sent = [
        call.world.send_message(
            seen.account,
            peer,
            single.message,
            random_id=single.random_id,
            reply_to=reply_of(request.reply_to),
            entities=entities_of(single),
            media=file,
            grouped_id=grouped_id,
            together=len(ids - before.keys()) if file is not None else 1,
        )
        for single, file in zip(singles, files, strict=True)
    ]
    deliver(call.telegram, call.world, [each for one in sent for each in one.deliveries], skip=call.connection)
    numbers = sent_as(seen, [(single.random_id, one) for single, one in zip(singles, sent, strict=True)])
    return full(seen, [one.event for one in sent], first=numbers)


def file_of(call: Call, given: Any) -> File:
    """The file an InputMedia brings: a new one of uploaded parts, or one that is known.

    Raises RpcError 400: MEDIA_EMPTY, MEDIA_INVALID (of a kind that is not of this world yet), TTL_MEDIA_INVALID, and as
    `Uploads.whole`, `Files.add_photo` and `known`.
    """
    if isinstance(given, types.InputMediaEmpty):
        raise RpcError(400, "MEDIA_EMPTY")
    if getattr(given, "ttl_seconds", None):
        raise RpcError(400, "TTL_MEDIA_INVALID")
    files, where = call.world.files, {"dc_id": call.dc_id, "date": call.world.now}
    if isinstance(given, types.InputMediaUploadedPhoto):
        return files.add_photo(_uploaded(call, given.file), given.file.name, **where)
    if isinstance(given, types.InputMediaUploadedDocument):
        return files.add_document(
            _uploaded(call, given.file),
            mime_type=given.mime_type,
            attributes=tuple(given.attributes),
            thumb=_uploaded(call, given.thumb) if given.thumb else b"",
            **where,
        )
    if isinstance(given, types.InputMediaPhoto) and isinstance(given.id, types.InputPhoto):
        return known(call, "photo", given.id, error="PHOTO_INVALID")
    if isinstance(given, types.InputMediaDocument) and isinstance(given.id, types.InputDocument):
        return known(call, "document", given.id, error="DOCUMENT_INVALID")
    raise RpcError(400, "MEDIA_INVALID")


def known(call: Call, kind: Kind, named: Any, *, error: str, here: bool = False) -> File:
    """The file that something with an id, an access hash and a reference names. ``here``: it must lie here.

    Raises RpcError 400 ``error`` for none of this kind or a foreign access hash; 303 FILE_MIGRATE_X; 400
    FILE_REFERENCE_EMPTY, FILE_REFERENCE_INVALID, FILE_REFERENCE_EXPIRED.
    """
    viewer = call.world.viewers.of(login(call).hash)
    file = call.world.files.find(named.id)
    if file is None or file.kind != kind or named.access_hash != viewer.access_hash(kind, file.id):
        raise RpcError(400, error)
    if here and file.dc_id != call.dc_id:
        raise RpcError(303, f"FILE_MIGRATE_{file.dc_id}")
    viewer.check_reference(file.id, named.file_reference, call.clock.wall())
    return file


def _uploaded(call: Call, given: Any) -> bytes:
    owner, uploads = (call.user_id, call.dc_id), call.world.uploads
    if isinstance(given, types.InputFile):
        return uploads.whole(owner, given.id, given.parts, big=False, checksum=given.md5_checksum)
    if isinstance(given, types.InputFileBig):
        return uploads.whole(owner, given.id, given.parts, big=True)
    raise RpcError(400, "MEDIA_INVALID")


def _of_album(call: Call, number: int, single: Any) -> File:
    if isinstance(single.media, types.InputMediaUploadedPhoto | types.InputMediaUploadedDocument):
        raise RpcError(400, "MEDIA_INVALID")
    try:
        file = file_of(call, single.media)
    except RpcError as error:
        raise RpcError(error.code, error.message.replace("FILE_REFERENCE_", f"FILE_REFERENCE_{number}_")) from None
    check_text(single.message, file)
    return file
