"""What Telegram has said about waiting is known to every borrower of the session, and asked of Telegram once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from telethon import errors, functions, types

from gateway.house import House
from mtproto.client import Refused
from telekeep.keeper.client import hold
from upstream.place import until


async def test_a_flood_wait_of_one_is_answered_to_the_others_from_memory(house: House) -> None:
    async with house.stock() as one, house.stock() as other, house.borrower() as third:
        house.telegram.fault("flood", method="messages.sendMessage", seconds=1000)
        with pytest.raises(errors.FloodWaitError) as first:
            await one.send_message("me", "hello")
        assert first.value.seconds == 1000
        asked = house.log.count("messages.sendMessage")
        for client in (other, third):
            with pytest.raises(errors.FloodWaitError) as told:
                await client.send_message("me", "hello")
            assert 900 < told.value.seconds <= 1000
        assert house.log.count("messages.sendMessage") == asked == 1


async def test_the_seconds_left_become_fewer(house: House, forward: Callable[[float], None]) -> None:
    async with house.stock() as client, await house.raw() as raw:
        house.telegram.fault("flood", method="messages.sendMessage", seconds=1000)
        with pytest.raises(errors.FloodWaitError):
            await client.send_message("me", "hello")
        request = functions.messages.SendMessageRequest(types.InputPeerSelf(), "hello", random_id=9)
        forward(400)
        with pytest.raises(Refused) as told:
            await raw.call(request)
        assert 500 < int(told.value.message.removeprefix("FLOOD_WAIT_")) <= 600
        forward(600)
        await raw.call(request)  # its time has come: Telegram is asked
    assert house.log.count("messages.sendMessage") == 2


async def test_what_was_not_flooded_may_be_asked(house: House) -> None:
    async with house.stock() as one, house.stock() as other:
        house.telegram.fault("flood", method="messages.sendMessage", seconds=100)
        with pytest.raises(errors.FloodWaitError):
            await one.send_message("me", "hello")
        assert (await other.get_me()).id == house.ada.id
        assert await other.get_dialogs()
        await other.send_file("me", b"a file")


async def test_a_chat_in_slow_mode_holds_up_no_other_chat(house: House) -> None:
    house.bob()
    async with house.stock() as one, house.stock() as other:
        house.telegram.fault("slowmode", method="messages.sendMessage", seconds=1000)
        with pytest.raises(errors.SlowModeWaitError):
            await one.send_message("me", "hello")
        with pytest.raises(errors.SlowModeWaitError) as told:
            await other.send_message("me", "again")
        assert 900 < told.value.seconds <= 1000
        assert (await other.send_message("bob", "elsewhere")).text == "elsewhere"
    assert house.log.count("messages.sendMessage") == 2


async def test_premium_floods_and_takeout_delays_are_known_to_every_borrower(house: House) -> None:
    takeout = functions.account.InitTakeoutSessionRequest()
    async with house.stock() as one, house.stock() as other:
        house.telegram.fault("premium-flood", method="messages.getDialogs", seconds=1000)
        house.telegram.fault("takeout", method="account.initTakeoutSession", seconds=86_400)
        for client in (one, other):
            with pytest.raises(errors.FloodPremiumWaitError) as premium:
                await client.get_dialogs()
            with pytest.raises(errors.TakeoutInitDelayError) as delay:
                await client(takeout)
        assert 900 < premium.value.seconds <= 1000 and 86_300 < delay.value.seconds <= 86_400
        assert house.log.count("messages.getDialogs") == house.log.count("account.initTakeoutSession") == 1
        shown = house.owner.status()
    assert 86_000 < shown["floods"]["account.initTakeoutSession"] <= 86_400
    assert set(shown["intervals"]) == {"messages.getDialogs"}, "an export was not asked for too often"


async def test_what_a_direct_client_was_told_holds_for_borrowers_too(house: House) -> None:
    async with house.stock() as one:
        house.telegram.fault("flood", method="messages.search", seconds=1000)
        with pytest.raises(errors.FloodWaitError):
            await one.get_messages("me", search="x")
    await house.close()
    async with hold(house.keeper, "main", api_id=1, api_hash="0" * 32) as client:
        with pytest.raises(errors.FloodWaitError) as told:
            await client.get_messages("me", search="x")
        assert 900 < told.value.seconds <= 1000
    assert house.log.count("messages.search") == 1
    await house.open()


async def test_floods_are_shown_to_people(house: House) -> None:
    async with house.stock() as client:
        house.telegram.fault("flood", method="messages.search", seconds=1000)
        with pytest.raises(errors.FloodWaitError):
            await client.get_messages("me", search="x")
    assert 900 < house.owner.status()["floods"]["messages.search"] <= 1000


async def test_a_stock_client_sleeps_out_a_short_wait_of_anothers_as_it_would_its_own(house: House) -> None:
    async with house.stock() as one, house.stock(flood_sleep_threshold=60) as other:
        house.telegram.fault("flood", method="messages.sendMessage", seconds=1)
        with pytest.raises(errors.FloodWaitError):
            await one.send_message("me", "hello")
        assert (await other.send_message("me", "hello")).text == "hello"
    assert house.log.count("messages.sendMessage") == 2


async def test_a_flood_slows_its_method_down_for_everybody(house: House) -> None:
    async with house.stock() as one, house.stock() as other:
        house.telegram.fault("flood", method="messages.getHistory", seconds=1)
        with pytest.raises(errors.FloodWaitError):
            await one.get_messages("me", limit=1)
        await asyncio.sleep(1.1)  # its time comes
        assert house.owner.status()["intervals"] == {"messages.getHistory": 0.5}
        began = time.monotonic()
        await asyncio.gather(*(client.get_messages("me", limit=1) for client in (one, other, other)))
        assert time.monotonic() - began >= 0.95, "at once, after half a second, after one"
        assert await other.get_me(), "and nothing else"


async def test_who_leaves_takes_along_what_waits_for_its_interval(house: House) -> None:
    async with house.stock() as one, await house.raw() as raw:
        house.telegram.fault("flood", method="messages.getHistory", seconds=1)
        with pytest.raises(errors.FloodWaitError):
            await one.get_messages("me", limit=1)
        await asyncio.sleep(1.1)
        request = functions.messages.GetHistoryRequest(types.InputPeerSelf(), 0, None, 0, 1, 0, 0, 0)
        for _ in range(60):  # they last for half a minute: some of them wait, however long we take to look
            await raw.say(request)
        await until(lambda: house.owner._forwarding.waiting)
        await raw.close()
        await until(lambda: not house.owner._forwarding.waiting)
        asked = house.log.count("messages.getHistory")
        await asyncio.sleep(0.7)
        assert house.log.count("messages.getHistory") == asked
