from __future__ import annotations

from typing import Any

import pytest

from emulator.services.bench import Bench, Device
from telekeep.mtproto.schema import functions, types

bots = functions.bots
EVERYBODY = types.BotCommandScopeDefault()
START = types.BotCommand("start", "begin")


@pytest.fixture
def device(bench: Bench) -> Device:
    return bench.device(bench.world.add_account(bot_token="77:secret", username="helper_bot"))


def put(*commands: Any, scope: Any = EVERYBODY, language: str = "") -> Any:
    return bots.SetBotCommandsRequest(scope=scope, lang_code=language, commands=list(commands))


def listed(device: Device, *, scope: Any = EVERYBODY, language: str = "") -> list[str]:
    found = device(bots.GetBotCommandsRequest(scope=scope, lang_code=language))
    return [each.command for each in found]


def test_commands_are_kept_by_scope_and_language(device: Device) -> None:
    groups = types.BotCommandScopeChats()
    assert device(put(START)) is True
    assert device(put(types.BotCommand("hilfe", "hilft"), language="de")) is True
    assert (listed(device), listed(device, language="de"), listed(device, scope=groups)) == (["start"], ["hilfe"], [])
    assert device(bots.ResetBotCommandsRequest(scope=EVERYBODY, lang_code="")) is True
    assert listed(device) == []


def test_people_see_what_a_bot_offers_and_that_it_changed(bench: Bench, device: Device) -> None:
    ada = bench.device(bench.world.add_account("9996621234"))
    before = ada(functions.contacts.ResolveUsernameRequest(username="helper_bot")).users[0]
    device(put(START))
    device(put(START))
    after = ada(functions.contacts.ResolveUsernameRequest(username="helper_bot")).users[0]
    assert after.bot_info_version == before.bot_info_version + 1
    full = ada(functions.users.GetFullUserRequest(id=types.InputUser(after.id, after.access_hash)))
    assert [(each.command, each.description) for each in full.full_user.bot_info.commands] == [("start", "begin")]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (put(types.BotCommand("Start", "begin")), "BOT_COMMAND_INVALID"),
        (put(types.BotCommand("", "begin")), "BOT_COMMAND_INVALID"),
        (put(types.BotCommand("x" * 33, "begin")), "BOT_COMMAND_INVALID"),
        (put(types.BotCommand("start", " ")), "BOT_COMMAND_DESCRIPTION_INVALID"),
        (put(types.BotCommand("start", "x" * 257)), "BOT_COMMAND_DESCRIPTION_INVALID"),
        (put(*[START] * 101), "BOT_COMMANDS_TOO_MUCH"),
        (put(START, language="german"), "LANG_CODE_INVALID"),
        (put(START, scope=types.BotCommandScopePeer(types.InputPeerUser(999, 5))), "PEER_ID_INVALID"),
    ],
)
def test_what_telegram_would_not_take_is_refused_and_changes_nothing(device: Device, request_: Any, error: str) -> None:
    assert device.refused(request_) == error
    assert listed(device) == []


def test_a_person_has_no_commands(bench: Bench) -> None:
    ada = bench.device(bench.world.add_account("9996621234"))
    assert ada.refused(put(START)) == "USER_BOT_REQUIRED"
