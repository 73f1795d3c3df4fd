"""messages.* about what somebody is doing right now, and has read."""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render.updates import deliver
from telekeep.emulator.render.view import peer
from telekeep.emulator.services.asking import peer_of, view
from telekeep.emulator.world.peer import user
from telekeep.mtproto.schema import functions, types


@handles(functions.messages.ReadHistoryRequest)
def read_history(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    where = peer_of(seen, request.peer)
    if where.kind == "channel":
        raise RpcError(400, "PEER_ID_INVALID")  # channels.readHistory
    has_read = call.world.post.read(seen.account, where, request.max_id)
    if has_read is None:
        return types.messages.AffectedMessages(pts=seen.account.box.pts, pts_count=0)
    deliver(call.telegram, call.world, has_read.deliveries, skip=call.connection)
    return types.messages.AffectedMessages(pts=has_read.event.pts, pts_count=has_read.event.count)


@handles(functions.messages.ReadMessageContentsRequest)
def read_message_contents(call: Call, request: Any) -> Any:
    """Nothing to do: no message of this world is a mention, or a voice that was not listened to yet."""
    seen = view(call, people_only=True)
    return types.messages.AffectedMessages(pts=seen.account.box.pts, pts_count=0)


@handles(functions.messages.SetTypingRequest)
def set_typing(call: Call, request: Any) -> Any:
    """Told to the others at once, and kept nowhere: no pts, no difference."""
    seen = view(call)
    me, where = seen.account.id, peer_of(seen, request.peer)
    update: Any
    if where.kind == "user":
        others = {where.id} - {me}
        update = types.UpdateUserTyping(user_id=me, action=request.action)
    elif where.kind == "channel":
        others = call.world.channels[where.id].members.keys() - {me}
        update = types.UpdateChannelUserTyping(channel_id=where.id, from_id=peer(user(me)), action=request.action)
    else:
        others = call.world.chats[where.id].members.keys() - {me}
        update = types.UpdateChatUserTyping(chat_id=where.id, from_id=peer(user(me)), action=request.action)
    for other in others:
        call.telegram.push(other, types.UpdateShort(update=update, date=call.world.now))
    return True
