"""Flood waits in a held client: kept on disk, obeyed without asking, waited out in the open or said at once."""

from __future__ import annotations

import asyncio
import time

import pytest
from telethon import errors, functions, types

from telekeep import errors as ours
from telekeep.events import Event, Flooded, WaitingOut
from telekeep.pace.stores.local import LocalLedger
from upstream.place import Place, until

NEAREST = functions.help.GetNearestDcRequest


async def test_a_short_wait_is_waited_out_in_the_open(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Event] = []
    place.events.listen(heard.append)
    async with place.client() as client:
        place.telegram.fault("flood", method="help.getNearestDc", seconds=1)
        began = time.monotonic()
        assert await client(NEAREST())
        assert time.monotonic() - began >= 1
    assert "as Telegram asked" in caplog.text and "help.getNearestDc" in caplog.text
    (flooded,) = [each for each in heard if isinstance(each, Flooded)]
    (waited,) = [each for each in heard if isinstance(each, WaitingOut)]
    assert (flooded.method, flooded.seconds) == ("help.getNearestDc", 1)
    assert 0 < waited.seconds <= 1


async def test_a_long_wait_is_said_at_once_with_the_exact_time_and_not_asked_for_again(place: Place) -> None:
    """003-8: "19.2 hours remaining"; and 003-F2: it was forgotten by the next manager."""
    async with place.client() as client:
        place.telegram.fault("flood", method="help.getNearestDc", seconds=69_120)
        with pytest.raises(ours.FloodWait) as wait:
            await client(NEAREST())
        assert isinstance(wait.value, errors.FloodWaitError), "programs written for Telethon catch it, too"
        assert type(wait.value).__name__ == "FloodWait", "what --json prints of it"
        assert (wait.value.seconds, wait.value.method, wait.value.exit_code) == (69_120, "help.getNearestDc", 4)
        asked = place.telegram.stats.rpc
        for _ in range(3):
            with pytest.raises(errors.FloodWaitError) as again:
                await client(NEAREST())
            assert 69_000 < again.value.seconds <= 69_120
        told = time.strftime("until %Y-%m-%d %H:%M", time.localtime(wait.value.until))
        assert "19.2 hours remaining" in str(wait.value) and told in str(wait.value)
        assert place.telegram.stats.rpc == asked
    other = place.client(terms={"ledger": LocalLedger(place.root / "home", clock=place.clock)})
    async with other:
        asked = place.telegram.stats.rpc
        with pytest.raises(ours.FloodWait):
            await other(NEAREST())
        assert place.telegram.stats.rpc == asked
        assert await other.get_me(), "what was not flooded may be asked"


async def test_nobody_connects_while_the_question_who_we_are_is_flooded(place: Place) -> None:
    async with place.client():
        pass
    place.telegram.fault("flood", method="users.getUsers", seconds=79_200)
    with pytest.raises(ours.FloodWait):
        await place.client().connect()
    seen = (place.telegram.stats.rpc, place.telegram.stats.connections)
    for _ in range(3):
        with pytest.raises(ours.FloodWait, match=r"22\.0 hours remaining"):
            await place.client().connect()
        assert place.is_free()
    assert (place.telegram.stats.rpc, place.telegram.stats.connections) == seen


async def test_how_long_a_client_waits_is_its_programs_to_say(place: Place) -> None:
    async with place.client(flood_sleep_threshold=0) as client:
        place.telegram.fault("flood", method="help.getNearestDc", seconds=1)
        with pytest.raises(errors.FloodWaitError):
            await client(NEAREST())
        client.flood_sleep_threshold = 5
        assert await client(NEAREST())
    async with place.client(terms={"patience": 0.5}) as client:
        place.telegram.fault("flood", method="help.getNearestDc", seconds=1)
        with pytest.raises(errors.FloodWaitError):
            await client(NEAREST())


async def test_a_flood_that_never_ends_is_not_waited_out_for_ever(place: Place) -> None:
    async with place.client(request_retries=1) as client:
        place.telegram.fault("flood", method="help.getNearestDc", seconds=1, times=99)
        with pytest.raises(errors.FloodWaitError):
            async with asyncio.timeout(60):
                await client(NEAREST())


async def test_slow_mode_holds_up_one_chat(place: Place) -> None:
    place.telegram.add_account("9996622222", first_name="Bob", username="bob")
    async with place.client() as client:
        place.telegram.fault("slowmode", method="messages.sendMessage", seconds=100)
        with pytest.raises(ours.SlowModeWait) as slow:
            await client.send_message("me", "hello")
        assert isinstance(slow.value, errors.SlowModeWaitError)
        asked = place.telegram.stats.rpc
        with pytest.raises(errors.SlowModeWaitError):
            await client.send_message("me", "hello")
        assert place.telegram.stats.rpc == asked
        assert await client.send_message("bob", "hello")


async def test_premium_floods_and_takeout_delays_are_kept_too(place: Place) -> None:
    async with place.client() as client:
        place.telegram.fault("premium-flood", method="messages.getDialogs", seconds=100)
        place.telegram.fault("takeout", method="account.initTakeoutSession", seconds=86_400)
        with pytest.raises(errors.FloodPremiumWaitError):
            await client.get_dialogs()
        with pytest.raises(ours.TakeoutDelay):
            await client(functions.account.InitTakeoutSessionRequest())
        asked = place.telegram.stats.rpc
        with pytest.raises(errors.FloodPremiumWaitError):
            await client.get_dialogs()
        with pytest.raises(errors.TakeoutInitDelayError, match=r"24\.0 hours remaining"):
            await client(functions.account.InitTakeoutSessionRequest())
        assert place.telegram.stats.rpc == asked


async def test_what_one_of_several_requests_met_is_kept(place: Place) -> None:
    async with place.client() as client:
        place.telegram.fault("flood", method="help.getNearestDc", seconds=100)
        with pytest.raises(errors.MultiError):
            await client([functions.users.GetUsersRequest([types.InputUserSelf()]), NEAREST()])
        with pytest.raises(ours.FloodWait):
            await client(NEAREST())
        with pytest.raises(ours.FloodWait):
            await client([functions.users.GetUsersRequest([types.InputUserSelf()]), NEAREST()])


async def test_trouble_of_telegrams_own_is_tried_again_and_then_told(place: Place) -> None:
    """003-F3: max_retry_attempts was never used."""
    async with place.client(request_retries=2) as client:
        place.telegram.fault("error", method="help.getNearestDc", code=500, message="RPC_CALL_FAIL", times=2)
        assert await client(NEAREST())
        asked = place.telegram.stats.rpc
        place.telegram.fault("error", method="help.getNearestDc", code=-500, message="No workers running", times=9)
        with pytest.raises(errors.ServerError):
            await client(NEAREST())
        assert place.telegram.stats.rpc == asked + 3
        place.telegram.clear_faults()


async def test_what_may_have_been_carried_out_is_not_done_twice(place: Place, log: list[str]) -> None:
    """Telegram answers -503 when it does not know itself."""
    async with place.client() as client:
        for method in ("account.updateStatus", "help.getNearestDc"):
            place.telegram.fault("error", method=method, code=-503, message="Timeout")
        with pytest.raises(errors.TimedOutError):
            await client(functions.account.UpdateStatusRequest(offline=False))
        assert await client(NEAREST())
    assert (log.count("account.updateStatus"), log.count("help.getNearestDc")) == (1, 2)


async def test_a_lease_that_is_lost_ends_a_wait(place: Place) -> None:
    client = place.client()
    await client.connect()
    place.telegram.fault("flood", method="help.getNearestDc", seconds=50)
    waiting = asyncio.create_task(client(NEAREST()))
    await until(lambda: bool(place.ledger.shown()))
    client._hold.line.lose("test")
    with pytest.raises(ours.LeaseLost):
        async with asyncio.timeout(30):
            await waiting
    await until(place.is_free)
