"""messages.*: dialogs, history and sending."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render.updates import deliver, full, state
from telekeep.emulator.render.view import View
from telekeep.emulator.services.asking import entities_of, peer_of, reply_of, seconds, view
from telekeep.emulator.services.hashing import fold
from telekeep.emulator.services.paging import page, sent_as
from telekeep.emulator.world.message import PAGE, Dialog, Message
from telekeep.emulator.world.people import place
from telekeep.mtproto.schema import build, functions, types


@handles(functions.messages.GetDialogsRequest)
def get_dialogs(call: Call, request: Any) -> Any:
    """Newest first, pinned ones before all; those below the offset. No dialog is archived (``folder_id`` 1)."""
    seen = view(call, people_only=True)
    dialogs = [] if request.folder_id else seen.world.dialogs_of(seen.account)
    if request.exclude_pinned:
        dialogs = [dialog for dialog in dialogs if not dialog.pinned]
    count = len(dialogs)
    below = _below(seen, request)
    if below is not None:
        dialogs = [dialog for dialog in dialogs if place(dialog) < below]
    chosen = dialogs[: min(max(request.limit, 0), PAGE)]
    if request.hash and request.hash == fold(dialog.messages[-1].id for dialog in chosen):
        return types.messages.DialogsNotModified(count=count)
    listed = _listed(seen, chosen)
    if len(chosen) == count:
        return types.messages.Dialogs(**listed)
    return types.messages.DialogsSlice(count=count, **listed)


@handles(functions.messages.GetPinnedDialogsRequest)
def get_pinned_dialogs(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    pinned = [] if request.folder_id else [each for each in seen.world.dialogs_of(seen.account) if each.pinned]
    return types.messages.PeerDialogs(**_listed(seen, pinned), state=state(seen, call.authorization))


@handles(functions.messages.GetPeerDialogsRequest)
def get_peer_dialogs(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    peers = [peer_of(seen, _inner(each)) for each in request.peers]
    dialogs = [seen.world.dialog_of(seen.account, peer) for peer in peers]
    return types.messages.PeerDialogs(**_listed(seen, dialogs), state=state(seen, call.authorization))


@handles(functions.messages.ToggleDialogPinRequest)
def toggle_dialog_pin(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    where = peer_of(seen, _inner(request.peer))
    if where.kind == "channel":
        pinned: Any = call.world.channels[where.id].members.get(seen.account.id)
    else:
        pinned = seen.account.box.dialogs.get(where)
    if pinned is None:
        raise RpcError(400, "PEER_ID_INVALID")
    pinned.pinned = bool(request.pinned)
    return True


@handles(functions.messages.GetDialogFiltersRequest)
def get_dialog_filters(call: Call, request: Any) -> Any:
    """The folder of all dialogs, which everybody has; this world knows no others."""
    view(call, people_only=True)
    filters = [types.DialogFilterDefault()]
    if hasattr(types.messages, "DialogFilters"):
        return types.messages.DialogFilters(filters=filters)
    return filters


@handles(functions.messages.GetAllDraftsRequest)
def get_all_drafts(call: Call, request: Any) -> Any:
    """None: nothing in this world saves one."""
    return full(view(call, people_only=True), [])


@handles(functions.messages.GetHistoryRequest)
def get_history(call: Call, request: Any) -> Any:
    """See `Dialog.window`; messages.messages if that is all there is, else a slice."""
    seen = view(call, people_only=True)
    where = peer_of(seen, request.peer)
    dialog = seen.world.dialog_of(seen.account, where)
    if call.messages_range is not None:
        dialog = dialog.between(*call.messages_range)
    chosen = dialog.window(
        offset_id=request.offset_id,
        offset_date=seconds(request.offset_date),
        add_offset=request.add_offset,
        limit=request.limit,
        max_id=request.max_id,
        min_id=request.min_id,
    )
    return page(seen, chosen, len(dialog.messages), request.hash, where=where)


@handles(functions.messages.GetMessagesRequest)
def get_messages(call: Call, request: Any) -> Any:
    """In the order asked; ``messageEmpty`` for an id this account has no message of. Those of channels are not among
    them (`channels.getMessages`)."""
    seen = view(call)
    if len(request.id) > PAGE:
        raise RpcError(400, "LIMIT_INVALID")
    found: list[Message] = []
    shown: list[Any] = []
    for given in request.id:
        message = seen.account.box.message(given.id) if isinstance(given, types.InputMessageID) else None
        if message is None:
            shown.append(types.MessageEmpty(id=getattr(given, "id", 0), peer_id=None))
        else:
            found.append(message)
            shown.append(seen.message(message))
    return build(types.messages.Messages, messages=shown, topics=[], **seen.mentioned(found))


@handles(functions.messages.GetMessagesViewsRequest)
def get_messages_views(call: Call, request: Any) -> Any:
    """How often posts were seen; with ``increment``, once more now. Nothing is counted of what is no post."""
    seen = view(call)
    where = peer_of(seen, request.peer)
    if len(request.id) > PAGE:
        raise RpcError(400, "LIMIT_INVALID")
    found = [seen.world.box_of(seen.account, where).message(each) for each in request.id]
    views = []
    for message in found:
        is_post = message is not None and where.kind == "channel" and call.world.channels[where.id].is_broadcast
        if message is None or not is_post:
            views.append(types.MessageViews())
            continue
        message.views += bool(request.increment)
        views.append(types.MessageViews(views=message.views + 1, forwards=message.forwards))
    shown = seen.mentioned([], [where])
    return types.messages.MessageViews(views=views, **shown)


@handles(functions.messages.SendMessageRequest)
def send_message(call: Call, request: Any) -> Any:
    """A private message is answered with updateShortSentMessage, one to a group or to oneself with the message itself:
    what Pyrogram's first example, a note to "me", could not take otherwise."""
    seen = view(call)
    if request.schedule_date:
        raise RpcError(400, "SCHEDULE_DATE_INVALID")
    peer = peer_of(seen, request.peer)
    sent = call.world.send_message(
        seen.account,
        peer,
        request.message,
        random_id=request.random_id,
        reply_to=reply_of(request.reply_to),
        entities=entities_of(request),
    )
    deliver(call.telegram, call.world, sent.deliveries, skip=call.connection)
    event = sent.event
    if peer.kind == "user" and peer.id != seen.account.id:
        return types.UpdateShortSentMessage(
            id=event.message.id,
            pts=event.pts,
            pts_count=event.count,
            date=event.message.date,
            out=True,
            entities=list(event.message.entities) or None,
        )
    return full(seen, [event], first=sent_as(seen, [(request.random_id, sent)]))


def _inner(given: Any) -> Any:
    """The InputPeer inside an InputDialogPeer."""
    if not isinstance(given, types.InputDialogPeer):
        raise RpcError(400, "PEER_ID_INVALID")
    return given.peer


def _below(seen: View, request: Any) -> tuple[int, int, int] | None:
    """The place in the list after which the answer begins: that of the offset message. Its id says enough within one
    box, which the offset peer names if it is a channel's; without one, its date; without either, where the dialog of
    the offset peer stands now."""
    offset_peer = request.offset_peer
    where = None if isinstance(offset_peer, types.InputPeerEmpty) else peer_of(seen, offset_peer)
    if request.offset_id:
        box = seen.world.box_of(seen.account, where) if where else seen.account.box
        message = box.message(request.offset_id)
        return (message.date if message else seconds(request.offset_date), request.offset_id, where.id if where else 0)
    if seconds(request.offset_date):
        return (seconds(request.offset_date), 0, 0)
    dialog = seen.world.dialog_of(seen.account, where) if where else None
    return place(dialog) if dialog is not None and dialog.messages else None


def _listed(seen: View, dialogs: Sequence[Dialog]) -> dict[str, list[Any]]:
    tops = [dialog.top for dialog in dialogs if dialog.top]
    return {
        "dialogs": [seen.dialog(dialog) for dialog in dialogs],
        "messages": [seen.message(top) for top in tops],
        **seen.mentioned(tops, [dialog.peer for dialog in dialogs]),
    }
