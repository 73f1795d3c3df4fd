"""bots.* about the commands that a bot offers (core.telegram.org/api/bots/commands)."""

from __future__ import annotations

import re
from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render.view import View
from telekeep.emulator.services.asking import account_of, peer_of, view
from telekeep.mtproto.schema import functions, types

MOST_COMMANDS = 100
LONGEST_DESCRIPTION = 256
_COMMAND = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)
_LANGUAGE = re.compile(r"([a-z]{2})?", re.ASCII)


@handles(functions.bots.SetBotCommandsRequest)
def set_bot_commands(call: Call, request: Any) -> Any:
    """Raises RpcError 400 USER_BOT_REQUIRED, BOT_COMMANDS_TOO_MUCH, BOT_COMMAND_INVALID,
    BOT_COMMAND_DESCRIPTION_INVALID, LANG_CODE_INVALID, and as `peer_of` for the scope."""
    seen, place = _place(call, request)
    if len(request.commands) > MOST_COMMANDS:
        raise RpcError(400, "BOT_COMMANDS_TOO_MUCH")
    for each in request.commands:
        if not _COMMAND.fullmatch(each.command):
            raise RpcError(400, "BOT_COMMAND_INVALID")
        if not 1 <= len(each.description.strip()) <= LONGEST_DESCRIPTION:
            raise RpcError(400, "BOT_COMMAND_DESCRIPTION_INVALID")
    return _changed(seen, place, tuple((each.command, each.description) for each in request.commands))


@handles(functions.bots.ResetBotCommandsRequest)
def reset_bot_commands(call: Call, request: Any) -> Any:
    seen, place = _place(call, request)
    return _changed(seen, place, ())


@handles(functions.bots.GetBotCommandsRequest)
def get_bot_commands(call: Call, request: Any) -> Any:
    seen, place = _place(call, request)
    return [types.BotCommand(*each) for each in seen.account.commands.get(place, ())]


def _place(call: Call, request: Any) -> tuple[View, tuple[str, str]]:
    """Which of its commands a bot speaks of: those of a scope and a language."""
    seen = view(call)
    if not seen.account.is_bot:
        raise RpcError(400, "USER_BOT_REQUIRED")
    if not _LANGUAGE.fullmatch(request.lang_code):
        raise RpcError(400, "LANG_CODE_INVALID")
    scope = type(request.scope).__name__.removeprefix("BotCommandScope")
    peer = getattr(request.scope, "peer", None)
    if peer is not None:
        scope += f" {peer_of(seen, peer)}"
    if isinstance(request.scope, types.BotCommandScopePeerUser):
        scope += f" {account_of(seen, request.scope.user_id).id}"
    return seen, (scope, request.lang_code)


def _changed(seen: View, place: tuple[str, str], commands: tuple[tuple[str, str], ...]) -> bool:
    bot = seen.account
    if bot.commands.get(place, ()) != commands:
        bot.commands[place] = commands
        bot.bot_info_version += 1
    return True
