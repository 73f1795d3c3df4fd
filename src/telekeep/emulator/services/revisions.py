"""messages.* about messages that were sent: editing, deleting, reacting."""

from __future__ import annotations

from typing import Any

from telekeep.emulator.authorization import Authorization
from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render.updates import deliver, full
from telekeep.emulator.render.view import View, peer
from telekeep.emulator.services.asking import entities_of, peer_of, view
from telekeep.emulator.services.media import file_of
from telekeep.emulator.world.message import PAGE, Message
from telekeep.mtproto.schema import functions, types


@handles(functions.messages.EditMessageRequest)
def edit_message(call: Call, request: Any) -> Any:
    seen = view(call)
    if request.schedule_date:
        raise RpcError(400, "SCHEDULE_DATE_INVALID")
    edited = call.world.edit_message(
        seen.account,
        peer_of(seen, request.peer),
        request.id,
        text=request.message,
        entities=entities_of(request),
        media=file_of(call, request.media) if request.media is not None else None,
    )
    deliver(call.telegram, call.world, edited.deliveries, skip=call.connection)
    return full(seen, [edited.event])


@handles(functions.messages.DeleteMessagesRequest)
def delete_messages(call: Call, request: Any) -> Any:
    """On one side, or with ``revoke`` on all; each box tells its own ids under its own pts."""
    seen = view(call)
    deleted = call.world.revisions.delete(seen.account, request.id, revoke=bool(request.revoke))
    if deleted is None:
        return types.messages.AffectedMessages(pts=seen.account.box.pts, pts_count=0)
    deliver(call.telegram, call.world, deleted.deliveries, skip=call.connection)
    return types.messages.AffectedMessages(pts=deleted.event.pts, pts_count=deleted.event.count)


@handles(functions.messages.SendReactionRequest)
def send_reaction(call: Call, request: Any) -> Any:
    """Everybody who has the message is told; each by the id it has there."""
    seen = view(call, people_only=True)
    where = peer_of(seen, request.peer)
    emoticons = [_emoticon(each) for each in request.reaction or () if not isinstance(each, types.ReactionEmpty)]
    holders = call.world.revisions.react(seen.account, where, request.msg_id, emoticons)
    message = call.world.box_of(seen.account, where).message(request.msg_id)
    assert message is not None
    for holder in holders:
        copy = message if where.kind == "channel" else holder.box.message(holder.box.copy_of(message) or 0)
        if copy is not None:

            def updates(authorization: Authorization, *, holder: Any = holder, copy: Message = copy) -> Any:
                return _thoughts(View(call.world, authorization, holder), [copy])

            call.telegram.push(holder.id, updates, skip=call.connection)
    return _thoughts(seen, [message])


@handles(functions.messages.GetMessagesReactionsRequest)
def get_messages_reactions(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    where = peer_of(seen, request.peer)
    if len(request.id) > PAGE:
        raise RpcError(400, "LIMIT_INVALID")
    found = [call.world.box_of(seen.account, where).message(each) for each in request.id]
    messages = [each for each in found if each is not None and each.peer == where]
    if len(messages) < len(found):
        raise RpcError(400, "MESSAGE_ID_INVALID")
    return _thoughts(seen, messages)


def _emoticon(reaction: Any) -> str:
    if not isinstance(reaction, types.ReactionEmoji):
        raise RpcError(400, "REACTION_INVALID")
    return str(reaction.emoticon)


def _thoughts(seen: View, messages: list[Message]) -> Any:
    """Updates that tell how these messages are reacted to; without pts."""
    updates = [
        types.UpdateMessageReactions(peer=peer(each.peer), msg_id=each.id, reactions=seen.reactions(each))
        for each in messages
    ]
    return full(seen, [], first=updates, naming=messages)
