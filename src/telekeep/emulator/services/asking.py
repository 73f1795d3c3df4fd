"""Who asks, and whom they mean: the two questions every handler starts with, and their rules in one place."""

from __future__ import annotations

from typing import Any

from telekeep.emulator.authorization import Authorization
from telekeep.emulator.dispatcher import Call, RpcError
from telekeep.emulator.render.view import View
from telekeep.emulator.world import Account
from telekeep.emulator.world.channel import Channel
from telekeep.emulator.world.chat import Chat
from telekeep.emulator.world.peer import Peer, chat, user
from telekeep.mtproto.schema import types

FRESH = 86_400.0
"""Seconds a login must have lasted before it may end others (core.telegram.org/api/errors, FRESH_RESET_…)."""

_PEER, _USER = RpcError(400, "PEER_ID_INVALID"), RpcError(400, "USER_ID_INVALID")


def view(call: Call, *, people_only: bool = False) -> View:
    """The world as the asking login sees it.

    Raises RpcError 303 USER_MIGRATE_X on any data center but the account's home (an authorization exported to another
    one is for files), 400 BOT_METHOD_INVALID for a bot where ``people_only``.
    """
    account = call.world.accounts[call.user_id]
    if account.home_dc != call.dc_id:
        raise RpcError(303, f"USER_MIGRATE_{account.home_dc}")
    if people_only and account.is_bot:
        raise RpcError(400, "BOT_METHOD_INVALID")
    return View(call.world, call.authorization, account)


def login(call: Call) -> Authorization:
    """The login the asking key belongs to: itself, or the one it was exported from."""
    return call.authorization.origin or call.authorization


def seasoned(call: Call) -> None:
    """Raises RpcError 406 FRESH_RESET_AUTHORISATION_FORBIDDEN if the asking login is younger than a day."""
    if call.clock.wall() < login(call).created_at + FRESH:
        raise RpcError(406, "FRESH_RESET_AUTHORISATION_FORBIDDEN")


def seconds(moment: Any) -> int:
    """Unix seconds of a date as the schema reads it; 0 for none, which it reads as 1970."""
    return int(moment.timestamp()) if moment else 0


def entities_of(request: Any) -> tuple[Any, ...]:
    """The formatting of a text; mentions that name a user by access hash are not of this world yet."""
    return tuple(each for each in request.entities or () if not isinstance(each, types.InputMessageEntityMentionName))


def reply_of(given: Any) -> int | None:
    """The message id that is replied to. Raises RpcError 400 REPLY_TO_INVALID for anything but a message."""
    if given is None:
        return None
    if not isinstance(given, types.InputReplyToMessage):
        raise RpcError(400, "REPLY_TO_INVALID")
    return int(given.reply_to_msg_id)


def peer_of(seen: View, given: Any) -> Peer:
    """The peer an InputPeer names.

    Raises RpcError 400: PEER_ID_INVALID for somebody unknown, a group the account is not in, or an access hash that is
    not this authorization's own; MSG_ID_INVALID for a message that shows somebody else; as `channel_of` for channels.
    """
    if isinstance(given, types.InputPeerUser):
        return user(_addressed(seen, given, unknown=_PEER).id)
    if isinstance(given, types.InputPeerSelf):
        return user(seen.account.id)
    if isinstance(given, types.InputPeerChat):
        return chat(group_of(seen, given.chat_id, unknown=_PEER).id)
    if isinstance(given, types.InputPeerUserFromMessage):
        return user(_shown(seen, given).id)
    if isinstance(given, types.InputPeerChannel | types.InputPeerChannelFromMessage):
        return channel_of(seen, given).peer
    raise _PEER


def account_of(seen: View, given: Any) -> Account:
    """The account an InputUser names. Raises RpcError 400: USER_ID_INVALID for nobody, else as `peer_of`."""
    if isinstance(given, types.InputUserSelf):
        return seen.account
    if isinstance(given, types.InputUser):
        return _addressed(seen, given, unknown=_USER)
    if isinstance(given, types.InputUserFromMessage):
        return _shown(seen, given)
    raise _USER


def group_of(seen: View, chat_id: int, *, unknown: RpcError | None = None) -> Chat:
    """A group the account is in. Raises ``unknown``, by default RpcError 400 CHAT_ID_INVALID."""
    group = seen.world.chats.get(chat_id)
    if group is None or seen.account.id not in group.members:
        raise unknown or RpcError(400, "CHAT_ID_INVALID")
    return group


def channel_of(seen: View, given: Any, *, joined: bool = False) -> Channel:
    """The channel that an InputChannel or InputPeerChannel names, and that the account may read.

    ``joined``: it has to be in it. Raises RpcError 400 CHANNEL_INVALID for none, or an access hash that is not this
    authorization's own (core.telegram.org/api/peers); 406 CHANNEL_PRIVATE for one that is not shown to it, 400
    MSG_ID_INVALID for a message that shows another.
    """
    if isinstance(given, types.InputChannelFromMessage | types.InputPeerChannelFromMessage):
        found = _channel_shown(seen, given)
    else:
        known = getattr(given, "channel_id", None)
        there = seen.world.channels.get(known) if known is not None else None
        if there is None or given.access_hash != seen.viewer.access_hash("channel", there.id):
            raise RpcError(400, "CHANNEL_INVALID")
        found = there
    found.check_shown(seen.account.id)
    if joined and seen.account.id not in found.members:
        raise RpcError(406, "CHANNEL_PRIVATE")
    return found


def _channel_shown(seen: View, given: Any) -> Channel:
    """A channel known from a message that was forwarded from it."""
    where = peer_of(seen, given.peer)
    message = seen.world.box_of(seen.account, where).message(given.msg_id)
    post = message.forward.post if message is not None and message.forward is not None else None
    if message is None or message.peer != where or post is None or post[0] != given.channel_id:
        raise RpcError(400, "MSG_ID_INVALID")
    return seen.world.channels[post[0]]


def _addressed(seen: View, given: Any, *, unknown: RpcError) -> Account:
    target = seen.world.accounts.get(given.user_id)
    if target is None:
        raise unknown
    if given.access_hash == seen.viewer.access_hash("user", target.id):
        return target
    if seen.account.is_bot and given.access_hash == 0 and target.id in seen.account.met:
        return target  # bots may (core.telegram.org/api/bots)
    raise _PEER


def _shown(seen: View, given: Any) -> Account:
    """A user known from a message only: how a ``min`` user is addressed."""
    where = peer_of(seen, given.peer)
    message = seen.world.box_of(seen.account, where).message(given.msg_id)
    if message is None or message.peer != where or given.user_id != message.sender:
        raise RpcError(400, "MSG_ID_INVALID")
    return seen.world.accounts[message.sender]
