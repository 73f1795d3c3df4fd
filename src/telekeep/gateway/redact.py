"""Nothing of the service chat reaches a borrower: whoever can read it can log in anew, codes come in there.

That it is there may be seen, and when something came; not what.
"""

from __future__ import annotations

import inspect
import struct
from collections.abc import Callable
from typing import Any, Final

from telekeep.gateway.asked import Refused
from telekeep.gateway.peers import SERVICE_CHAT, parts
from telekeep.mtproto.schema import GZIP_PACKED, VECTOR, SchemaError, pack, read, types

HIDDEN: Final = "[hidden by telekeep]"

_NEEDLE = struct.pack("<q", SERVICE_CHAT)
_PACKED = struct.pack("<I", GZIP_PACKED)
_NOTICE = struct.pack("<I", types.UpdateServiceNotification.CONSTRUCTOR_ID)  # does not say whom it comes from
# results that hold part of a file and no message, whatever the file's bytes look like
_FILES = frozenset(
    struct.pack("<I", kind.CONSTRUCTOR_ID) for kind in (types.upload.File, types.upload.WebFile, types.upload.CdnFile)
)


def without_service_chat(result: bytes) -> bytes:
    """The result of a request, with what the service chat says taken out; the very same bytes if it says nothing.

    Raises Refused (500) if the service chat is named in a result that cannot be read.
    """
    head = result[:4]
    if head in _FILES or not (_NEEDLE in result or _NOTICE in result or head == _PACKED) or _is_numbers(result):
        return result
    try:
        found = read(result)
        return pack(found) if hide(found) else result
    except (SchemaError, TypeError, AttributeError, AssertionError, ValueError, OverflowError, struct.error):
        raise Refused(500, "TELEKEEP_RESULT_UNREADABLE") from None


def _is_numbers(result: bytes) -> bool:
    """A vector of bare numbers, such as contacts.getContactIDs answers: too short for a message, whatever it holds."""
    if len(result) < 8 or int.from_bytes(result[:4], "little") != VECTOR:
        return False
    count = int.from_bytes(result[4:8], "little")
    return len(result) - 8 in (4 * count, 8 * count)


def hide(found: Any) -> bool:
    """Take out, in place, what the service chat says in updates or a result. True if anything was taken out."""
    hidden = False
    waiting = [found]
    for each in waiting:  # it grows while we go
        if type(each) is list:
            waiting += each
            continue
        act = _ACTS.get(type(each))
        if act is not None:
            hidden |= act(each)
            continue
        for name in parts(type(each)):
            value = getattr(each, name)
            if value is not None:
                waiting.append(value)
    return hidden


def _is_service(peer: Any) -> bool:
    return getattr(peer, "user_id", None) == SERVICE_CHAT


def _comes_from_it(header: Any) -> bool:
    """``header``: of a forward. A code that was forwarded is a code still."""
    return header is not None and any(
        _is_service(getattr(header, field, None)) for field in ("from_id", "saved_from_peer", "saved_from_id")
    )


def _message(message: Any) -> bool:
    if (
        _is_service(message.peer_id)
        or any(_is_service(getattr(message, field, None)) for field in ("from_id", "saved_peer_id"))
        or _comes_from_it(getattr(message, "fwd_from", None))
    ):
        return _emptied(message)
    return _quote(message)


def _short(update: Any) -> bool:
    """UpdateShortMessage, UpdateShortChatMessage: ``user_id`` or ``from_id`` is a bare number."""
    if (
        _is_service(update)
        or getattr(update, "from_id", None) == SERVICE_CHAT
        or _comes_from_it(getattr(update, "fwd_from", None))
    ):
        return _emptied(update)
    return _quote(update)


def _quote(message: Any) -> bool:
    """A reply elsewhere that quotes the service chat."""
    reply = getattr(message, "reply_to", None)
    if not (
        _is_service(getattr(reply, "reply_to_peer_id", None)) or _comes_from_it(getattr(reply, "reply_from", None))
    ):
        return False
    for field in ("quote", "quote_text", "quote_entities", "quote_offset", "reply_media"):
        setattr(reply, field, None)
    return True


# What may stay of a message of the service chat. All else goes, also what only a later schema will know.
_STAYS = frozenset(
    {"id", "peer_id", "from_id", "user_id", "chat_id", "receiver_id", "saved_peer_id", "date", "pts", "pts_count"}
    | {"out", "mentioned", "media_unread", "silent", "post", "legacy", "pinned", "ttl_period", "edit_date", "edit_hide"}
)


def _emptied(message: Any) -> bool:
    for field in _fields(type(message)):
        if field not in _STAYS:
            setattr(message, field, None)
    if hasattr(message, "action") and isinstance(message, types.MessageService):
        message.action = types.MessageActionEmpty()
    else:
        message.message = HIDDEN
    return True


def _notification(update: Any) -> bool:
    update.message, update.media, update.entities = HIDDEN, types.MessageMediaEmpty(), []
    return True


def _draft(holder: Any) -> bool:
    """Dialog, ForumTopic, UpdateDraftMessage: a draft may quote or hold what was copied from there."""
    if holder.draft is None or isinstance(holder.draft, types.DraftMessageEmpty):
        return False
    if not (_is_service(holder.peer) or _is_service(getattr(holder, "saved_peer_id", None))):
        reply = getattr(holder.draft, "reply_to", None)
        if not _is_service(getattr(reply, "reply_to_peer_id", None)):
            return False
        holder.draft.reply_to = None
        return True
    holder.draft = types.DraftMessageEmpty()
    return True


_known_fields: dict[type, tuple[str, ...]] = {}


def _fields(kind: type) -> tuple[str, ...]:
    if kind not in _known_fields:
        _known_fields[kind] = tuple(inspect.signature(kind).parameters)
    return _known_fields[kind]


# by name, because older schemas lack some of them
_NAMED: Final[dict[str, Callable[[Any], bool]]] = {
    "Message": _message,
    "MessageService": _message,
    "EphemeralMessage": _message,
    "UpdateShortMessage": _short,
    "UpdateShortChatMessage": _short,
    "UpdateServiceNotification": _notification,
    "UpdateDraftMessage": _draft,
    "Dialog": _draft,
    "MonoForumDialog": _draft,
    "ForumTopic": _draft,
}
# none of them holds another
_ACTS: Final[dict[type, Callable[[Any], bool]]] = {
    getattr(types, name): act for name, act in _NAMED.items() if hasattr(types, name)
}
