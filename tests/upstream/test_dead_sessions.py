"""A login that is over ends the client at once: no prompt, no code, no second try."""

from __future__ import annotations

import asyncio
import builtins
import getpass
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from telethon import errors, functions

from telekeep.errors import (
    AccountBanned,
    AuthKeyDuplicated,
    AuthKeyRevoked,
    ConfigError,
    FloodWait,
    SessionCorrupt,
    SessionExpired,
    TelegramAuthError,
    TelegramNetworkError,
    TelekeepError,
)
from telekeep.session.model import User
from upstream.place import Place, until

ENDINGS: dict[str, type[TelegramAuthError]] = {
    "revoke": AuthKeyRevoked,
    "unregister": AuthKeyRevoked,
    "forget": AuthKeyRevoked,
    "expire": SessionExpired,
    "ban": AccountBanned,
    "duplicated": AuthKeyDuplicated,
}


@pytest.fixture(autouse=True)
def nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: Any) -> NoReturn:
        raise AssertionError("somebody was asked")

    monkeypatch.setattr(builtins, "input", asked)
    monkeypatch.setattr(getpass, "getpass", asked)


@pytest.mark.parametrize("fault", ENDINGS)
@pytest.mark.parametrize("known", [True, False], ids=["state known", "state unknown"])
async def test_connecting_says_what_ended_it(place: Place, fault: str, known: bool) -> None:
    """001-F2, 003-F1: classified, and no login is begun by anything but a login."""
    if known:
        async with place.client():
            pass
    place.telegram.fault(fault)
    for connect in ("connect", "start"):
        with pytest.raises(ENDINGS[fault]) as ended:
            await getattr(place.client(), connect)()
        assert ended.value.remedy
        assert place.is_free()


@pytest.mark.parametrize("arguments", [{"phone": "+14155552671"}, {"phone": lambda: "+14155552671", "force_sms": True}])
async def test_start_with_a_phone_number_sends_no_code(place: Place, arguments: dict[str, Any]) -> None:
    async with place.client() as client:
        assert await client.start(**arguments) is client
    place.telegram.fault("revoke")
    with pytest.raises(AuthKeyRevoked):
        await place.client().start(**arguments)


async def test_a_bot_token_of_somebody_else_is_refused(place: Place) -> None:
    """Code written for a bot must not act as the person whose session it was given."""
    with pytest.raises(ConfigError, match="bot token"):
        await place.client().start(bot_token="123456:" + "A" * 35)
    assert place.is_free()


@pytest.mark.parametrize("fault", ENDINGS)
async def test_an_end_in_use_ends_the_client(place: Place, fault: str) -> None:
    client = place.client()
    await client.connect()
    place.telegram.fault(fault)
    with pytest.raises((errors.RPCError, errors.AuthKeyNotFound)) as ended:  # a stock client: Telethon's own classes
        await client(functions.users.GetUsersRequest([]))
    await until(place.is_free)
    asked = place.telegram.stats.rpc
    with pytest.raises((errors.RPCError, errors.AuthKeyNotFound, ConnectionError)) as again:
        await client(functions.users.GetUsersRequest([]))
    assert place.telegram.stats.rpc == asked, "nothing is sent with a dead key"
    assert type(ended.value) is not errors.RPCError and again.value is not ended.value


async def test_all_calls_under_way_stop_at_a_406(place: Place, log: list[str]) -> None:
    client = place.client()
    await client.connect()
    place.telegram.fault("delay", method="help.getNearestDc", seconds=30, times=5)
    waiting = [asyncio.create_task(client(functions.help.GetNearestDcRequest())) for _ in range(5)]
    await until(lambda: log.count("help.getNearestDc") == 5)
    place.telegram.fault("duplicated")
    with pytest.raises(errors.AuthKeyDuplicatedError):
        await client(functions.users.GetUsersRequest([]))
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(each) for each in ended} == {errors.AuthKeyDuplicatedError}
    await until(place.is_free)
    assert place.telegram.stats.connections == 1


async def test_a_harmless_406_ends_nothing(place: Place) -> None:
    """AuthKeyError is also the class of UPDATE_APP_TO_LOGIN and FRESH_CHANGE_PHONE_FORBIDDEN."""
    async with place.client() as client:
        for message in ("UPDATE_APP_TO_LOGIN", "FRESH_CHANGE_PHONE_FORBIDDEN", "SOMETHING_NEW"):
            place.telegram.fault("error", method="help.getNearestDc", code=406, message=message)
            with pytest.raises(errors.AuthKeyError):
                await client(functions.help.GetNearestDcRequest())
        assert await client.get_me()


async def test_another_data_center_that_does_not_know_us_ends_nothing_at_home(place: Place) -> None:
    async with place.client() as client:
        sender = await client._borrow_exported_sender(4)
        place.telegram.fault("error", method="help.getNearestDc", code=401, message="AUTH_KEY_UNREGISTERED")
        with pytest.raises(errors.AuthKeyUnregisteredError):
            await client._call(sender, functions.help.GetNearestDcRequest())
        assert await client.get_me()


async def test_a_password_question_ends_nothing(place: Place) -> None:
    """000-F13: SESSION_PASSWORD_NEEDED is a 401 too."""
    async with place.client() as client:
        place.telegram.fault("error", method="help.getNearestDc", code=401, message="SESSION_PASSWORD_NEEDED")
        with pytest.raises(errors.SessionPasswordNeededError):
            await client(functions.help.GetNearestDcRequest())
        assert await client.get_me()


async def test_a_flood_wait_is_never_slept_out_where_nobody_wants_it(place: Place) -> None:
    """001-F3: Telethon sleeps up to a minute of it without a word."""
    async with place.client(flood_sleep_threshold=0) as client:
        place.telegram.fault("flood", method="help.getNearestDc", seconds=55)
        async with asyncio.timeout(30):
            with pytest.raises(errors.FloodWaitError) as wait:
                await client(functions.help.GetNearestDcRequest())
        assert wait.value.seconds == 55
        asked = place.telegram.stats.rpc
        with pytest.raises(errors.FloodWaitError):
            await client(functions.help.GetNearestDcRequest())
        assert place.telegram.stats.rpc == asked, "not before the deadline"


async def test_a_flood_while_connecting_is_told_with_its_seconds(place: Place) -> None:
    async with place.client():
        pass
    place.telegram.fault("flood", method="users.getUsers", seconds=90)
    with pytest.raises(FloodWait) as wait:
        await place.client().connect()
    assert wait.value.seconds == 90 and wait.value.method == "users.getUsers"
    assert place.is_free()


async def test_trouble_of_telegrams_own_is_not_taken_for_a_dead_session(place: Place) -> None:
    """000-F11: is_user_authorized() would say no."""
    async with place.client():
        pass
    place.telegram.fault("error", method="users.getUsers", code=500, message="RPC_CALL_FAIL", times=9)
    with pytest.raises(TelegramNetworkError):
        await place.client(request_retries=0).connect()
    place.telegram.clear_faults()
    async with place.client() as client:
        assert await client.get_me()


async def test_a_key_is_not_thrown_away_because_telegram_names_another_data_center(place: Place) -> None:
    """Telethon would make a new key over the kept one, and be logged out."""
    async with place.client() as client:
        place.telegram.fault("error", method="help.getNearestDc", code=303, message="USER_MIGRATE_4")
        with pytest.raises(errors.UserMigrateError):
            await client(functions.help.GetNearestDcRequest())
        assert await client.get_me()
    assert place.telegram.stats.handshakes == 0
    assert len(place.vault.history("main")) == 1


async def test_a_key_of_somebody_else_is_noticed(place: Place) -> None:
    """004-F4: a record that says it is Ada's, with Bob's key."""
    bob = place.telegram.add_account("9996625678", first_name="Bob")
    session = place.telegram.mint(bob)
    place.keep(replace(session, user=User(place.ada.id)), "mixed")
    with pytest.raises(SessionCorrupt):
        await place.client("mixed").connect()
    assert place.is_free("mixed")


async def test_an_error_nobody_knows_is_told_by_its_name(place: Place) -> None:
    async with place.client():
        pass
    place.telegram.fault("error", method="users.getUsers", code=400, message="SOMETHING_NEW")
    with pytest.raises(TelekeepError, match="SOMETHING_NEW") as told:
        await place.client().connect()
    assert type(told.value) is TelekeepError
