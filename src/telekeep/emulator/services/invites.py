"""messages.* about invite links: ``t.me/+HASH`` (core.telegram.org/api/links#chat-invite-links)."""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render import channels as render
from telekeep.emulator.services.asking import channel_of, view
from telekeep.emulator.services.channels import joined
from telekeep.emulator.world.channel import Channel
from telekeep.mtproto.schema import functions, types


@handles(functions.messages.CheckChatInviteRequest)
def check_chat_invite(call: Call, request: Any) -> Any:
    """What lies behind a link; the channel itself for those who are in it."""
    seen = view(call, people_only=True)
    found = _behind(call, request.hash)
    if seen.account.id in found.members:
        return types.ChatInviteAlready(chat=render.channel(seen, found))
    return render.preview(seen, found)


@handles(functions.messages.ImportChatInviteRequest)
def import_chat_invite(call: Call, request: Any) -> Any:
    """Raises RpcError 400 USER_ALREADY_PARTICIPANT, and as `Channels.join`."""
    seen = view(call, people_only=True)
    found = _behind(call, request.hash)
    if seen.account.id in found.members:
        raise RpcError(400, "USER_ALREADY_PARTICIPANT")
    updates = joined(call, seen, found)
    result = getattr(types.messages, "ChatInviteJoinResultOk", None)
    return updates if result is None else result(updates=updates)


@handles(functions.messages.ExportChatInviteRequest)
def export_chat_invite(call: Call, request: Any) -> Any:
    """The one link of a channel. Raises RpcError 400 CHAT_ADMIN_REQUIRED, and as `channel_of`."""
    seen = view(call, people_only=True)
    found = channel_of(seen, request.peer)
    found.check_admin(seen.account.id)
    return render.invite(found)


def _behind(call: Call, invite: str) -> Channel:
    if not invite:
        raise RpcError(400, "INVITE_HASH_EMPTY")
    found = call.world.channel_invited_by(invite)
    if found is None:
        raise RpcError(400, "INVITE_HASH_EXPIRED")
    return found
