"""Disconnecting takes ten seconds at most, whatever hangs, and what is known is written first."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from telethon import events, functions

from telekeep.errors import TelegramNetworkError
from telekeep.upstream import letting_go
from upstream.own_time import own_time
from upstream.place import PHONE, Place, Wire, fill, until


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same waits, a tenth as long."""
    monkeypatch.setattr(letting_go, "GRACE_SECONDS", letting_go.GRACE_SECONDS / 10)
    monkeypatch.setattr(letting_go, "DISCONNECT_SECONDS", letting_go.DISCONNECT_SECONDS / 10)


async def test_a_server_that_no_longer_reads_does_not_hold_us_up(place: Place, wire: Wire, brief: None) -> None:
    """002-6: within ten seconds (here: one). What is still open then is dropped."""
    client = place.client()
    await client.connect()
    wire.freeze()
    stuck = await fill(client)
    began, ours = time.monotonic(), own_time()
    await client.disconnect()
    assert time.monotonic() - began > letting_go.GRACE_SECONDS * 0.9, "it did hang"
    assert own_time() - ours < letting_go.DISCONNECT_SECONDS + 0.2, "and not for long"
    assert place.is_free()
    ended = await asyncio.gather(*stuck, return_exceptions=True)
    assert {type(each) for each in ended} == {TelegramNetworkError}


async def test_a_handler_that_will_not_end_does_not_hold_us_up(place: Place, brief: None) -> None:
    client = place.client()
    entered, give_up = asyncio.Event(), asyncio.Event()

    @client.on(events.NewMessage)
    async def stubborn(_event: Any) -> None:
        entered.set()
        while not give_up.is_set():
            try:
                await give_up.wait()
            except asyncio.CancelledError:
                continue

    await client.connect()
    place.telegram.send(to=PHONE, text="hi")
    await asyncio.wait_for(entered.wait(), 30)
    began = own_time()
    await client.disconnect()
    assert own_time() - began < letting_go.DISCONNECT_SECONDS + 0.2
    assert place.is_free()
    give_up.set()


async def test_calls_that_wait_are_told_and_not_cancelled(place: Place, log: list[str]) -> None:
    """Telethon cancels them, which looks to a program as if somebody had cancelled its own task."""
    client = place.client()
    await client.connect()
    place.telegram.fault("delay", method="help.getNearestDc", seconds=30)
    waiting = asyncio.create_task(client(functions.help.GetNearestDcRequest()))
    await until(lambda: "help.getNearestDc" in log)
    await client.disconnect()
    with pytest.raises(TelegramNetworkError, match="Disconnected"):
        await waiting


async def test_a_cancelled_call_stays_cancelled(place: Place) -> None:
    async with place.client() as client:
        place.telegram.fault("delay", method="help.getNearestDc", seconds=30)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client(functions.help.GetNearestDcRequest())
        assert await client.get_me()


async def test_a_handler_may_disconnect_the_client(place: Place) -> None:
    client = place.client()

    @client.on(events.NewMessage)
    async def leave(_event: Any) -> None:
        await client.disconnect()

    await client.connect()
    place.telegram.send(to=PHONE, text="go")
    await client.run_until_disconnected()
    await until(place.is_free)


async def test_a_line_that_stays_dead_gives_the_lease_back(place: Place, wire: Wire) -> None:
    client = place.client(connection_retries=1, retry_delay=0)
    await client.connect()
    await wire.cut()
    with pytest.raises(ConnectionError):
        await client.get_me()
    await until(place.is_free)
    await wire.mend()
    async with client:
        assert await client.get_me()


async def test_logging_out_ends_the_login_and_sets_the_record_aside(place: Place) -> None:
    client = place.client()
    await client.connect()
    session = place.vault.load("main")
    assert await client.log_out()
    assert place.telegram.authorizations(place.ada) == []
    assert [entry.state for entry in place.vault.entries()] == ["removed"]
    assert place.vault.load("main", generation=1).auth_key == session.auth_key  # set aside, not destroyed


@pytest.mark.parametrize("turns", range(4))
async def test_a_handler_that_was_just_created_begins_before_the_client_closes(place: Place, turns: int) -> None:
    """Its update is counted as seen, and never comes again: the storm lost one in 3,809 so. ``turns`` of the event loop
    after the client began to close, the update loop is still there and may create one.
    """
    client = place.client()
    await client.connect()
    hold = client._hold
    assert hold is not None
    begun, tasks = [], []

    async def handler() -> None:
        begun.append("begun")
        await asyncio.Event().wait()

    def create() -> None:
        tasks.append(asyncio.create_task(handler()))
        client._event_handler_tasks.add(tasks[0])

    def later(turns: int) -> None:
        asyncio.get_running_loop().call_soon(later, turns - 1) if turns else create()

    hold.closing = asyncio.create_task(client._close_held(hold))
    later(turns)
    await client.disconnect()
    assert begun == ["begun"] and tasks[0].cancelled()
