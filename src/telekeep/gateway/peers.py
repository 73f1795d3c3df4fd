"""The people and chats a request names: found wherever they stand in it, and their access hashes rewritten.

The walk follows every field that can hold an object, whatever type the schema wants there: nothing hides in a place
where it does not belong.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, get_args

from telekeep.mtproto.schema import TLObject, types
from telekeep.session.model import PeerKind

SERVICE_CHAT: Final = 777000  # the user id Telegram writes login codes and notices from

_PLAIN = frozenset({int, str, bytes, bool, float, datetime, type(None)})
_parts: dict[type, tuple[str, ...]] = {}

# input peers that carry an access hash, and the field with the id it belongs to
_HASHED: Final[dict[type, tuple[PeerKind, str]]] = {
    types.InputPeerUser: (PeerKind.USER, "user_id"),
    types.InputUser: (PeerKind.USER, "user_id"),
    types.InputPeerChannel: (PeerKind.CHANNEL, "channel_id"),
    types.InputChannel: (PeerKind.CHANNEL, "channel_id"),
}


def parts(kind: type) -> tuple[str, ...]:
    """The fields of a TL class that can hold objects: all but those that only take numbers, text, bytes and dates."""
    known = _parts.get(kind)
    if known is None:
        fields = inspect.signature(kind).parameters.values() if issubclass(kind, TLObject) else ()
        known = _parts[kind] = tuple(each.name for each in fields if not _is_plain(each.annotation))
    return known


def _is_plain(annotation: Any) -> bool:
    inner = get_args(annotation)
    return all(map(_is_plain, inner)) if inner else annotation in _PLAIN


def objects_in(root: Any) -> list[Any]:
    """``root`` and every object inside it, the outer ones first."""
    found = [root]
    for each in found:  # it grows while we go
        if type(each) is list:
            found += each
            continue
        known = _parts.get(type(each))
        for name in parts(type(each)) if known is None else known:
            value = getattr(each, name)
            if value is None:
                continue
            if type(value) is list:
                found += value
            else:
                found.append(value)
    return found


def rewrite(request: Any, hash_of: Callable[[PeerKind, int], int | None]) -> bool:
    """Put the owner's access hashes in place of the borrower's, in place. True if something changed.

    ``hash_of``: the owner's access hash of a user or channel, None if it has not met it: then the borrower's stays.
    Access hashes belong to an authorization (core.telegram.org/api/peers): so programs survive a renewal.
    """
    changed = False
    for each in objects_in(request):
        hashed = _HASHED.get(type(each))
        if hashed is None:
            continue
        kind, field = hashed
        known = hash_of(kind, getattr(each, field))
        if known is not None and known != each.access_hash:
            each.access_hash = known
            changed = True
    return changed


def service_chat_in(request: Any) -> bool:
    """Whether the request names the chat that login codes come in, by whatever input peer or user, anywhere."""
    return any(names_service_chat(each) for each in objects_in(request))


def names_service_chat(found: Any) -> bool:
    """Whether this very object names it: every class that says whom it means has a ``user_id``."""
    return getattr(found, "user_id", None) == SERVICE_CHAT
