"""What the rest of the session must see of a borrower's own call.

Telegram tells only the caller, in the result, what a call has done; other connections of the same key are not told
(facts.md, trap 3). So the result is translated into updates, and these are fed through the owner's message box, once.
"""

from __future__ import annotations

from typing import Any, Final

from telekeep.mtproto.schema import TLObject, build, functions, pack, types
from telekeep.upstream.settle import no_op, place

_UPDATES: Final = types.Updates.SUBCLASS_OF_ID
_AFFECTED: Final = (
    types.messages.AffectedMessages,
    types.messages.AffectedHistory,
    types.messages.AffectedFoundMessages,
)
# Results with updates inside. By name: older schemas lack some of them.
_HOLDING: Final = tuple(
    getattr(room, name)
    for room, name in [
        (types.messages, "InvitedUsers"),
        (types.messages, "ChatInviteJoinResultOk"),
        (types.payments, "PaymentResult"),
    ]
    if hasattr(room, name)
)
_CARRIERS: Final = frozenset(
    kind.CONSTRUCTOR_ID
    for kind in [
        types.Updates,
        types.UpdatesCombined,
        types.UpdatesTooLong,
        types.UpdateShort,
        types.UpdateShortMessage,
        types.UpdateShortChatMessage,
        types.UpdateShortSentMessage,
        *_AFFECTED,
        *_HOLDING,
    ]
)
# They name a random id of the caller's.
_ITS_OWN: Final = (types.UpdateMessageID, types.UpdateStoryID)
_NEW: Final = (types.UpdateNewMessage, types.UpdateNewChannelMessage)
# Their results do not name the messages: the difference does.
_DELETES_UNNAMED: Final = tuple(
    getattr(room, name)
    for room, name in [
        (functions.messages, "DeleteHistoryRequest"),
        (functions.messages, "DeleteSavedHistoryRequest"),
        (functions.messages, "DeleteTopicHistoryRequest"),
        (functions.messages, "UnpinAllMessagesRequest"),
        (functions.channels, "DeleteParticipantHistoryRequest"),
    ]
    if hasattr(room, name)
)
_EVERYTHING: Final = 0x7FFFFFFF  # as a message id: up to the last one


def carries_updates(constructor_id: int) -> bool:
    """Whether a result that begins with this constructor says what happened. gzip_packed must be unpacked before."""
    return constructor_id in _CARRIERS


def echo(request: Any, result: Any, *, self_id: int | None = None) -> Any:
    """An object of type Updates for the owner's message box that says what ``request`` has done by its ``result``.

    None if it says nothing, or nothing new: a random_id that was used before is answered with the first message and
    pts_count 0 (facts.md, trap 7). What cannot be told from request and result comes back as it is, or as "too long":
    the box asks for the difference then. ``request`` is the bare one, without wrappers; ``self_id`` our own user.
    ``request`` and ``result`` are not changed.
    """
    if isinstance(result, _HOLDING):
        return echo(request, result.updates, self_id=self_id)
    if isinstance(result, types.UpdateShortSentMessage):
        return _sent(request, result, self_id) if result.pts_count else None
    if isinstance(result, _AFFECTED):
        return _affected(request, result) if result.pts_count else None
    if isinstance(result, types.Updates | types.UpdatesCombined):
        return _news(result)
    if isinstance(result, types.UpdateShort):
        return result if _is_news(result.update) else None
    return result if isinstance(result, TLObject) and result.SUBCLASS_OF_ID == _UPDATES else None


def echo_of_true(request: Any, result: bytes) -> Any:
    """The same for a call whose result says no more than that it was done; None for all others.

    A channel's read mark: Telegram tells it to the account's other logins only. It moves nothing, and has no pts here.
    """
    if result != _TRUE or not isinstance(request, functions.channels.ReadHistoryRequest):
        return None
    channel = _channel_of(request)
    if channel is None:
        return None
    max_id = request.max_id if request.max_id > 0 else _EVERYTHING
    return _short(types.UpdateReadChannelInbox(channel_id=channel, max_id=max_id, still_unread_count=0, pts=0))


_TRUE: Final = pack(True)


def pts_of(result: Any, request: Any = None) -> list[tuple[int | None, int]]:
    """The lines that a result moves, and where to: the journal has to have come so far before the result is told.

    Without ``request`` messages.affected* counts for the account's line, also where it was a channel's.
    """
    if isinstance(result, _HOLDING):
        return pts_of(result.updates, request)
    if isinstance(result, _AFFECTED):
        return [(_channel_of(request), result.pts)] if result.pts_count else []
    inner = getattr(result, "updates", None) or [getattr(result, "update", result)]
    furthest: dict[int | None, int] = {}
    for update in inner:
        where = place(update)
        if where is not None and where.end > where.start:
            furthest[where.line] = max(where.end, furthest.get(where.line, 0))
    return list(furthest.items())


# ---- updates


def _news(result: Any) -> Any:
    kept = [update for update in result.updates if _is_news(update)]
    if not kept:
        return None
    sequence = {"seq_start": result.seq_start} if isinstance(result, types.UpdatesCombined) else {}
    return type(result)(
        updates=kept, users=result.users, chats=result.chats, date=result.date, seq=result.seq, **sequence
    )


def _is_news(update: Any) -> bool:
    if isinstance(update, _ITS_OWN):
        return False
    return not (isinstance(update, _NEW) and not update.pts_count)


# ---- a message sent


def _sent(request: Any, result: Any, self_id: int | None) -> Any:
    text = getattr(request, "message", None)
    peer = _peer(getattr(request, "peer", None), self_id)
    if not isinstance(text, str) or peer is None:
        return result
    is_channel = isinstance(peer, types.PeerChannel)
    is_saved = isinstance(peer, types.PeerUser) and peer.user_id == self_id
    message = build(
        types.Message,
        id=result.id,
        peer_id=peer,
        from_id=types.PeerUser(self_id) if self_id and not is_channel else None,
        saved_peer_id=peer if is_saved else None,
        date=result.date,
        message=text,
        out=result.out,
        media=result.media,
        entities=result.entities,
        ttl_period=result.ttl_period,
        reply_to=_reply_header(getattr(request, "reply_to", None), self_id),
        **{name: getattr(request, name, None) for name in _KEPT},
    )
    kind = types.UpdateNewChannelMessage if is_channel else types.UpdateNewMessage
    new = kind(message=message, pts=result.pts, pts_count=result.pts_count)
    return types.Updates(updates=[new], users=[], chats=[], date=result.date, seq=0)


_KEPT: Final = ("silent", "noforwards", "invert_media", "reply_markup", "effect")  # a message says them as its request


def _peer(given: Any, self_id: int | None) -> Any:
    """The Peer of an InputPeer; None if it says nobody we know."""
    if isinstance(given, types.InputPeerUser | types.InputPeerUserFromMessage):
        return types.PeerUser(given.user_id)
    if isinstance(given, types.InputPeerChat):
        return types.PeerChat(given.chat_id)
    if isinstance(given, types.InputPeerChannel | types.InputPeerChannelFromMessage):
        return types.PeerChannel(given.channel_id)
    if isinstance(given, types.InputPeerSelf) and self_id:
        return types.PeerUser(self_id)
    return None


def _reply_header(given: Any, self_id: int | None) -> Any:
    if isinstance(given, types.InputReplyToStory):
        peer = _peer(given.peer, self_id)
        return types.MessageReplyStoryHeader(peer=peer, story_id=given.story_id) if peer else None
    if not isinstance(given, types.InputReplyToMessage):
        return None
    quoted = [each for each in given.quote_entities or () if not isinstance(each, types.InputMessageEntityMentionName)]
    return build(
        types.MessageReplyHeader,
        reply_to_msg_id=given.reply_to_msg_id,
        reply_to_top_id=given.top_msg_id,
        reply_to_peer_id=_peer(given.reply_to_peer_id, self_id),
        quote=bool(given.quote_text) or None,
        quote_text=given.quote_text or None,
        quote_entities=quoted or None,
        quote_offset=given.quote_offset,
        todo_item_id=getattr(given, "todo_item_id", None),
        poll_option=getattr(given, "poll_option", None),
    )


# ---- messages.affected*


def _affected(request: Any, result: Any) -> Any:
    channel = _channel_of(request)
    where = {"pts": result.pts, "pts_count": result.pts_count}
    if isinstance(request, _DELETES_UNNAMED):
        if channel is None:
            return types.UpdatesTooLong()
        return _short(types.UpdateChannelTooLong(channel_id=channel))
    if isinstance(request, functions.channels.DeleteMessagesRequest) and channel is not None:
        return _short(types.UpdateDeleteChannelMessages(channel_id=channel, messages=list(request.id), **where))
    if isinstance(request, functions.messages.DeleteMessagesRequest):
        return _short(types.UpdateDeleteMessages(messages=list(request.id), **where))
    if isinstance(result, types.messages.AffectedFoundMessages) and result.messages and channel is None:
        return _short(types.UpdateDeleteMessages(messages=list(result.messages), **where))
    if isinstance(request, functions.messages.ReadMessageContentsRequest):
        return _short(types.UpdateReadMessagesContents(messages=list(request.id), **where))
    if isinstance(request, functions.messages.ReadHistoryRequest):
        peer = _peer(request.peer, None)
        if peer is not None and channel is None:
            max_id = request.max_id if request.max_id > 0 else _EVERYTHING
            return _short(types.UpdateReadHistoryInbox(peer=peer, max_id=max_id, still_unread_count=0, **where))
    return _short(no_op(channel, result.pts, result.pts_count))


def _channel_of(request: Any) -> int | None:
    """The channel whose pts an affected* result counts; None for the account's."""
    if isinstance(request, functions.messages.DeleteSavedHistoryRequest):
        given = getattr(request, "parent_peer", None)  # the peer says with whom, not where
    else:
        given = getattr(request, "channel", None) or getattr(request, "peer", None)
    return getattr(given, "channel_id", None)


def _short(update: Any) -> Any:
    return types.UpdateShort(update=update, date=0)  # not known; a message box takes no date from it
