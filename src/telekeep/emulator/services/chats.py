"""messages.* about basic groups: who is in them."""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render.updates import deliver, full
from telekeep.emulator.render.view import View
from telekeep.emulator.services.asking import account_of, group_of, view
from telekeep.emulator.world.chat import Chat
from telekeep.emulator.world.post import Sent
from telekeep.mtproto.schema import build, functions, types


@handles(functions.messages.CreateChatRequest)
def create_chat(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    members = [account_of(seen, given) for given in request.users]
    group, sent = call.world.create_chat(seen.account, request.title, members)
    return _changed(call, seen, group, sent)


@handles(functions.messages.AddChatUserRequest)
def add_chat_user(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    group = group_of(seen, request.chat_id)
    return _changed(call, seen, group, call.world.add_member(seen.account, group, account_of(seen, request.user_id)))


@handles(functions.messages.GetChatsRequest)
def get_chats(call: Call, request: Any) -> Any:
    """Groups by id; ``chatForbidden`` for one the account is not in. Raises CHAT_ID_INVALID for one nobody founded."""
    seen = view(call)
    groups = []
    for chat_id in request.id:
        group = call.world.chats.get(chat_id)
        if group is None:
            raise RpcError(400, "CHAT_ID_INVALID")
        groups.append(seen.chat(group))
    return types.messages.Chats(chats=groups)


@handles(functions.messages.GetFullChatRequest)
def get_full_chat(call: Call, request: Any) -> Any:
    seen = view(call)
    group = group_of(seen, request.chat_id)
    full_chat = build(
        types.ChatFull,
        id=group.id,
        about="",
        participants=seen.participants(group),
        notify_settings=types.PeerNotifySettings(),
    )
    members = [seen.user(call.world.accounts[member]) for member in group.members]
    return types.messages.ChatFull(full_chat=full_chat, chats=[seen.chat(group)], users=members)


def _changed(call: Call, seen: View, group: Chat, sent: Sent) -> Any:
    """messages.InvitedUsers: the new member list and the service message about it."""
    deliver(call.telegram, call.world, sent.deliveries, skip=call.connection)
    participants = types.UpdateChatParticipants(participants=seen.participants(group))
    return types.messages.InvitedUsers(updates=full(seen, [sent.event], first=[participants]), missing_invitees=[])
