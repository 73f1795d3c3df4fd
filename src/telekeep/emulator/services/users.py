"""users.*"""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.services.asking import account_of, view
from telekeep.emulator.world import Account
from telekeep.mtproto.schema import build, functions, types


@handles(functions.users.GetUsersRequest)
def get_users(call: Call, request: Any) -> Any:
    """In the order asked; ``userEmpty`` for an id nobody has, PEER_ID_INVALID for a foreign access hash."""
    seen = view(call)
    found: list[Any] = []
    for given in request.id:
        try:
            found.append(seen.packed_user(account_of(seen, given)))
        except RpcError as error:
            if error.message != "USER_ID_INVALID":
                raise
            found.append(types.UserEmpty(id=getattr(given, "user_id", 0)))
    return found


@handles(functions.users.GetFullUserRequest)
def get_full_user(call: Call, request: Any) -> Any:
    seen = view(call)
    target = account_of(seen, request.id)
    full = build(
        types.UserFull,
        id=target.id,
        settings=types.PeerSettings(),
        notify_settings=types.PeerNotifySettings(),
        common_chats_count=len(seen.account.chats & target.chats) if target is not seen.account else 0,
        bot_info=_offers(target) if target.is_bot else None,
    )
    return types.users.UserFull(full_user=full, chats=[], users=[seen.user(target)])


def _offers(bot: Account) -> Any:
    """What a bot says of itself: the commands for everybody, in no language of their own."""
    commands = [types.BotCommand(*each) for each in bot.commands.get(("Default", ""), ())]
    return types.BotInfo(user_id=bot.id, description="", commands=commands)
