"""Telegram's objects as rows. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from telekeep.mtproto.schema import types
from telekeep.work.archive.rows import CHANNELS_BELOW, Chat, File, Message, Person

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def marked(peer: Any) -> int:
    """The marked id of a Peer."""
    if isinstance(peer, types.PeerUser):
        return int(peer.user_id)
    if isinstance(peer, types.PeerChat):
        return -int(peer.chat_id)
    return CHANNELS_BELOW - int(peer.channel_id)


def message(found: Any, self_id: int) -> Message | None:
    """A message as a row; None for an empty one."""
    return None if isinstance(found, types.MessageEmpty) else row(vars(found), self_id)


def row(fields: Mapping[str, Any], self_id: int) -> Message | None:
    """The same, of a message's fields (`telekeep.mtproto.fields`)."""
    get = fields.get
    peer = get("peer_id")
    if peer is None:
        return None
    forward, action, media = get("fwd_from"), get("action"), _media(fields)
    reply, entities, edited = get("reply_to"), get("entities"), get("edit_date")
    file = _file_in(media) if media else None
    return Message(
        marked(peer),
        fields["id"],
        _seconds(fields["date"]) or 0,
        _sender(fields, peer, self_id),
        _clean(get("message") or ""),
        bool(get("out")),
        _seconds(edited) if edited else None,
        getattr(reply, "reply_to_msg_id", None) if reply else None,
        get("grouped_id"),
        marked(forward.from_id) if forward and forward.from_id else None,
        _seconds(forward.date) if forward else None,
        _snake(type(action).__name__.removeprefix("MessageAction")) if action else None,
        _snake(type(media).__name__.removeprefix("MessageMedia")) if media else None,
        file.id if file is not None else None,
        json.dumps([_entity(each) for each in entities], ensure_ascii=False) if entities else None,
    )


def file(found: Any) -> File | None:
    """The file that a message carries."""
    return None if isinstance(found, types.MessageEmpty) else file_of(vars(found))


def file_of(fields: Mapping[str, Any]) -> File | None:
    """The same, of a message's fields."""
    held = _file_in(_media(fields))
    if held is None:
        return None
    chat_id, number = marked(fields["peer_id"]), fields["id"]
    if isinstance(held, types.Photo):
        return File(held.id, chat_id, number, "photo", None, "image/jpeg", _largest(held.sizes))
    names = [each.file_name for each in held.attributes if isinstance(each, types.DocumentAttributeFilename)]
    return File(held.id, chat_id, number, "document", _clean(names[0]) if names else None, held.mime_type, held.size)


def people(users: Iterable[Any], chats: Iterable[Any]) -> dict[int, Person]:
    """Users, and the channels and groups that may post in their own name. Those that are shown in part are left out."""
    found: dict[int, Person] = {}
    for each in users:
        if isinstance(each, types.User) and not each.min:
            name = " ".join(filter(None, (each.first_name, each.last_name)))
            found[each.id] = Person(each.id, _clean(name), each.username, bool(each.bot))
    for each in chats:
        if isinstance(each, types.Channel) and not each.min:
            chat_id = CHANNELS_BELOW - each.id
            found[chat_id] = Person(chat_id, _clean(each.title), each.username)
    return found


def chat(entity: Any) -> Chat:
    """A user, group or channel as a chat that nothing is archived of yet."""
    if isinstance(entity, types.User):
        name = " ".join(filter(None, (entity.first_name, entity.last_name)))
        title = _clean(name) or str(entity.id)
        return Chat(entity.id, "user", title, entity.username, access_hash=entity.access_hash)
    if isinstance(entity, types.Channel | types.ChannelForbidden):
        kind = "supergroup" if getattr(entity, "megagroup", False) else "channel"
        username = getattr(entity, "username", None)
        chat_id = CHANNELS_BELOW - entity.id
        return Chat(chat_id, kind, _clean(entity.title), username, access_hash=entity.access_hash)
    return Chat(-entity.id, "group", _clean(entity.title))


def _sender(fields: Mapping[str, Any], peer: Any, self_id: int) -> int | None:
    """Telegram leaves away who sent a private message, and who posts in a channel."""
    if (sender := fields.get("from_id")) is not None:
        return marked(sender)
    if isinstance(peer, types.PeerUser):
        return self_id if fields.get("out") else int(peer.user_id)
    return marked(peer)


def _media(fields: Mapping[str, Any]) -> Any:
    media = fields.get("media")
    return None if isinstance(media, types.MessageMediaEmpty) else media


def _file_in(media: Any) -> Any:
    held = getattr(media, "photo", None) or getattr(media, "document", None)
    return held if isinstance(held, types.Photo | types.Document) else None


def _largest(sizes: Any) -> int | None:
    known = [getattr(each, "size", None) or max(getattr(each, "sizes", None) or [0]) for each in sizes]
    return max(known, default=0) or None


def _entity(entity: Any) -> dict[str, Any]:
    told = {name: value for name, value in vars(entity).items() if isinstance(value, int | str)}
    return {"type": _snake(type(entity).__name__.removeprefix("MessageEntity")), **told}


def _seconds(date: Any) -> int | None:
    if isinstance(date, datetime):
        return int(date.timestamp())
    return int(date) if date else None


def _snake(name: str) -> str:
    return _WORDS.sub("_", name).lower()


def _clean(text: str) -> str:
    return text.replace("\0", "") if "\0" in text else text
