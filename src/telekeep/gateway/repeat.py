"""Which requests may be sent again, byte for byte, when the line was lost before the answer."""

from __future__ import annotations

from typing import Any

from telekeep.gateway.asked import Asked
from telekeep.gateway.methods import only_reads

# A part is named by its file and number: sent again, it takes its own place (core.telegram.org/api/files).
_PARTS = frozenset({"upload.saveFilePart", "upload.saveBigFilePart"})

# They say where one is now, or how far one has read: said twice it is the same. Up to 0 means up to what is newest, and
# that may be another message by then.
_PRESENCE = frozenset(
    {"account.updateStatus", "channels.readMessageContents", "messages.readMessageContents", "messages.setTyping"}
)
_READ_UP_TO = frozenset({"channels.readHistory", "messages.readHistory"})

# Albums and forwards: every message has its own random id, and all of them must.
_MANY = frozenset({"messages.sendMultiMedia", "messages.forwardMessages", "messages.sendQuickReplyMessages"})


def is_repeatable(asked: Asked) -> bool:
    """Whether Telegram carries it out at most once however often it comes: it reads, or carries a random id.

    Everything else is in doubt when the line is lost: nobody knows whether it was carried out.
    """
    method, request = asked.method, asked.request
    if method in _PARTS or method in _PRESENCE or only_reads(method, request):
        return True
    if method in _READ_UP_TO:
        return bool(request.max_id > 0)
    if method in _MANY:
        return _all_random(request)
    return _is_random(getattr(request, "random_id", None))


def _all_random(request: Any) -> bool:
    medias = getattr(request, "multi_media", None)
    ids = request.random_id if medias is None else [getattr(each, "random_id", None) for each in medias]
    if medias is None and len(ids) != len(request.id):
        return False
    return bool(ids) and all(map(_is_random, ids)) and len(set(ids)) == len(ids)


def _is_random(value: Any) -> bool:
    """A random id is a number; ``random_id: bytes`` is the name of an advertisement (messages.viewSponsoredMessage)."""
    return type(value) is int and value != 0
