"""messages.*: dialogs, history and sending."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render.updates import deliver, full, state
from telekeep.emulator.render.view import View
from telekeep.emulator.services.asking import entities_of, peer_of, reply_of, seconds, view
from telekeep.emulator.services.hashing import fold
from telekeep.emulator.services.paging import page
from telekeep.emulator.world.message import PAGE, Dialog, Message
from telekeep.mtproto.schema import build, functions, types


@handles(functions.messages.GetDialogsRequest)
def get_dialogs(call: Call, request: Any) -> Any:
    """Newest first, pinned ones before all; those below the offset. No dialog is archived (``folder_id`` 1)."""
    seen = view(call, people_only=True)
    dialogs = [] if request.folder_id else seen.account.box.by_recency()
    if request.exclude_pinned:
        dialogs = [dialog for dialog in dialogs if not dialog.pinned]
    count = len(dialogs)
    below = _below(seen, request)
    if below is not None:
        dialogs = [dialog for dialog in dialogs if _place(dialog) < below]
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
    pinned = [] if request.folder_id else [each for each in seen.account.box.by_recency() if each.pinned]
    return types.messages.PeerDialogs(**_listed(seen, pinned), state=state(seen, call.authorization))


@handles(functions.messages.GetPeerDialogsRequest)
def get_peer_dialogs(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    peers = [peer_of(seen, _inner(each)) for each in request.peers]
    dialogs = [seen.account.box.dialog(peer) for peer in peers]
    return types.messages.PeerDialogs(**_listed(seen, dialogs), state=state(seen, call.authorization))


@handles(functions.messages.ToggleDialogPinRequest)
def toggle_dialog_pin(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    dialog = seen.account.box.dialogs.get(peer_of(seen, _inner(request.peer)))
    if dialog is None:
        raise RpcError(400, "PEER_ID_INVALID")
    dialog.pinned = bool(request.pinned)
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
    dialog = seen.account.box.dialog(peer_of(seen, request.peer))
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
    return page(seen, chosen, len(dialog.messages), request.hash)


@handles(functions.messages.GetMessagesRequest)
def get_messages(call: Call, request: Any) -> Any:
    """In the order asked; ``messageEmpty`` for an id this account has no message of."""
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
    return full(seen, [event], first=[types.UpdateMessageID(id=event.message.id, random_id=request.random_id)])


def _inner(given: Any) -> Any:
    """The InputPeer inside an InputDialogPeer."""
    if not isinstance(given, types.InputDialogPeer):
        raise RpcError(400, "PEER_ID_INVALID")
    return given.peer


def _place(dialog: Dialog) -> tuple[int, int]:
    top = dialog.messages[-1]
    return top.date, top.id


def _below(seen: View, request: Any) -> tuple[int, int] | None:
    """The place in the list after which the answer begins: that of the offset message. Its id says enough within one
    box; without one, its date; without either, where the dialog of the offset peer stands now."""
    if request.offset_id:
        message = seen.account.box.message(request.offset_id)
        return (message.date if message else seconds(request.offset_date), request.offset_id)
    if seconds(request.offset_date):
        return (seconds(request.offset_date), 0)
    if not isinstance(request.offset_peer, types.InputPeerEmpty):
        dialog = seen.account.box.dialogs.get(peer_of(seen, request.offset_peer))
        return _place(dialog) if dialog else None
    return None


def _listed(seen: View, dialogs: Sequence[Dialog]) -> dict[str, list[Any]]:
    tops = [dialog.top for dialog in dialogs if dialog.top]
    return {
        "dialogs": [seen.dialog(dialog) for dialog in dialogs],
        "messages": [seen.message(top) for top in tops],
        **seen.mentioned(tops, [dialog.peer for dialog in dialogs]),
    }
