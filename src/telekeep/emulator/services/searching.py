"""messages.search and messages.searchGlobal (core.telegram.org/api/search)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render.view import View
from telekeep.emulator.services.asking import peer_of, seconds, view
from telekeep.emulator.services.paging import page
from telekeep.emulator.world.message import PAGE, Dialog, Message
from telekeep.emulator.world.peer import Peer, user
from telekeep.emulator.world.searching import matching
from telekeep.mtproto.schema import build, functions, types


@handles(functions.messages.SearchRequest)
def search(call: Call, request: Any) -> Any:
    """In one dialog, or, for inputPeerEmpty, in all but channels, whose ids are their own. Newest first, paged as
    messages.getHistory.

    Raises RpcError 400 SEARCH_QUERY_EMPTY (all dialogs, and nothing asked for), INPUT_FILTER_INVALID,
    FROM_PEER_INVALID, MSG_ID_INVALID (a thread: only channels have such), and as `peer_of`.
    """
    seen = view(call, people_only=True)
    if request.top_msg_id or request.saved_peer_id is not None or request.saved_reaction:
        raise RpcError(400, "MSG_ID_INVALID")
    of_kind = _kind(request.filter)
    if isinstance(request.peer, types.InputPeerEmpty):
        if not request.q.strip() and isinstance(request.filter, types.InputMessagesFilterEmpty):
            raise RpcError(400, "SEARCH_QUERY_EMPTY")
        among, where = _all_messages(seen), None
    else:
        where = peer_of(seen, request.peer)
        among = seen.world.dialog_of(seen.account, where).messages
    found = Dialog(user(seen.account.id))
    found.messages = matching(
        among,
        request.q,
        sender=_sender(seen, request.from_id),
        after=seconds(request.min_date),
        before=seconds(request.max_date),
        of_kind=of_kind,
    )
    chosen = found.window(
        offset_id=request.offset_id,
        add_offset=request.add_offset,
        limit=request.limit,
        max_id=request.max_id,
        min_id=request.min_id,
    )
    return page(seen, chosen, len(found.messages), request.hash, where=where)


@handles(functions.messages.SearchGlobalRequest)
def search_global(call: Call, request: Any) -> Any:
    """In all dialogs, channels among them. ``next_rate`` leads on: the date of the last message, after whose id and
    peer the next page begins.

    Raises RpcError 400 SEARCH_QUERY_EMPTY, INPUT_FILTER_INVALID; FOLDER_ID_INVALID for one that is not there.
    """
    seen = view(call, people_only=True)
    if request.folder_id:
        raise RpcError(400, "FOLDER_ID_INVALID")
    if not request.q.strip() and isinstance(request.filter, types.InputMessagesFilterEmpty):
        raise RpcError(400, "SEARCH_QUERY_EMPTY")
    dialogs = [each for each in seen.world.dialogs_of(seen.account) if _is_asked_for(seen, each.peer, request)]
    details: dict[str, Any] = {
        "after": seconds(request.min_date), "before": seconds(request.max_date), "of_kind": _kind(request.filter)
    }  # fmt: skip
    found = [message for dialog in dialogs for message in matching(dialog.messages, request.q, **details)]
    found.sort(key=_place, reverse=True)
    below = _offset(seen, request)
    rest = [message for message in found if _place(message) < below] if below is not None else found
    chosen = rest[: min(max(request.limit, 0), PAGE)]
    seen.account.met.update(message.sender for message in chosen if message.peer.kind == "channel")
    count, shown = len(found), seen.shown(chosen)
    if not chosen:
        return build(types.messages.MessagesSlice, count=count, **shown)
    return build(types.messages.MessagesSlice, count=count, next_rate=chosen[-1].date, **shown)


def _is_asked_for(seen: View, where: Peer, request: Any) -> bool:
    """Whether a dialog is of those kinds that a global search is limited to."""
    is_broadcast = where.kind == "channel" and seen.world.channels[where.id].is_broadcast
    if request.broadcasts_only:
        return is_broadcast
    if request.groups_only:
        return where.kind != "user" and not is_broadcast
    return where.kind == "user" or not getattr(request, "users_only", None)


def _place(message: Message) -> tuple[int, int, int]:
    return message.date, message.id, message.peer.id


def _offset(seen: View, request: Any) -> tuple[int, int, int] | None:
    """The place of the message after which a page of a global search begins; None for the first page."""
    if not request.offset_rate and not request.offset_id:
        return None
    where = None if isinstance(request.offset_peer, types.InputPeerEmpty) else peer_of(seen, request.offset_peer)
    date = request.offset_rate
    if not date:
        box = seen.world.box_of(seen.account, where) if where else seen.account.box
        message = box.message(request.offset_id)
        date = message.date if message is not None else 0
    return date, request.offset_id, where.id if where is not None else 0


def _all_messages(seen: View) -> Sequence[Message]:
    """Of all dialogs but channels, in the order of their ids, which is that of their dates."""
    dialogs = seen.account.box.dialogs.values()
    return sorted((each for dialog in dialogs for each in dialog.messages), key=lambda message: message.id)


def _sender(seen: View, given: Any) -> int | None:
    if given is None:
        return None
    try:
        found = peer_of(seen, given)
    except RpcError:
        raise RpcError(400, "FROM_PEER_INVALID") from None
    if found.kind != "user":
        raise RpcError(400, "FROM_PEER_INVALID")
    return found.id


# ---- what a filter asks for


def _kind(filter: Any) -> Callable[[Message], bool]:
    found = _KINDS.get(type(filter))
    if found is None:
        raise RpcError(400, "INPUT_FILTER_INVALID")
    return found


def _any(message: Message) -> bool:
    return True


def _none(message: Message) -> bool:
    """Of what this world has none: polls, places, calls, mentions, pinned messages."""
    return False


def _photo(message: Message) -> bool:
    return message.media is not None and message.media.kind == "photo"


def _attribute(message: Message, kind: Any, **flags: bool) -> bool:
    """Whether a document has an attribute of this kind, with its flags so."""
    attributes = message.media.attributes if message.media is not None else ()
    return any(
        isinstance(each, kind) and all(bool(getattr(each, name)) == wanted for name, wanted in flags.items())
        for each in attributes
    )


def _gif(message: Message) -> bool:
    return _attribute(message, types.DocumentAttributeAnimated)


def _video(message: Message) -> bool:
    return _attribute(message, types.DocumentAttributeVideo, round_message=False) and not _gif(message)


def _round_video(message: Message) -> bool:
    return _attribute(message, types.DocumentAttributeVideo, round_message=True)


def _voice(message: Message) -> bool:
    return _attribute(message, types.DocumentAttributeAudio, voice=True)


def _music(message: Message) -> bool:
    return _attribute(message, types.DocumentAttributeAudio, voice=False)


def _document(message: Message) -> bool:
    """A file that is shown as nothing but a file."""
    if message.media is None or message.media.kind != "document":
        return False
    return not any(each(message) for each in (_video, _round_video, _gif, _voice, _music))


def _link(message: Message) -> bool:
    said = any(isinstance(each, types.MessageEntityUrl | types.MessageEntityTextUrl) for each in message.entities)
    return said or "://" in message.text


_KINDS: Final[dict[Any, Callable[[Message], bool]]] = {
    types.InputMessagesFilterEmpty: _any,
    types.InputMessagesFilterPhotos: _photo,
    types.InputMessagesFilterVideo: _video,
    types.InputMessagesFilterPhotoVideo: lambda message: _photo(message) or _video(message),
    types.InputMessagesFilterDocument: _document,
    types.InputMessagesFilterGif: _gif,
    types.InputMessagesFilterVoice: _voice,
    types.InputMessagesFilterMusic: _music,
    types.InputMessagesFilterRoundVideo: _round_video,
    types.InputMessagesFilterRoundVoice: lambda message: _voice(message) or _round_video(message),
    types.InputMessagesFilterUrl: _link,
    types.InputMessagesFilterChatPhotos: _none,
    types.InputMessagesFilterContacts: _none,
    types.InputMessagesFilterGeo: _none,
    types.InputMessagesFilterMyMentions: _none,
    types.InputMessagesFilterPhoneCalls: _none,
    types.InputMessagesFilterPinned: _none,
}
