"""Updates: what was missed arrives, once, and the place where we stopped is never forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from telethon import events, functions

from telekeep.errors import AuthKeyRevoked, TelegramNetworkError
from telekeep.session.model import UpdateState
from telekeep.upstream.held import HeldClient
from upstream.place import PHONE, Place, Wire, until


def listening(client: HeldClient) -> list[str]:
    heard: list[str] = []

    @client.on(events.NewMessage(incoming=True))
    async def hear(event: Any) -> None:
        heard.append(event.raw_text)

    return heard


async def quiet(client: HeldClient) -> None:
    """Wait until Telethon has nothing left to deliver."""
    await client(functions.updates.GetStateRequest())
    await until(lambda: client._updates_queue.empty() and not client._message_box.getting_diff_for)
    await asyncio.sleep(0.05)


async def test_what_came_while_nobody_was_connected_arrives_once(place: Place) -> None:
    async with place.client():
        pass
    place.telegram.send(to=PHONE, text="while away", count=3)
    client = place.client()
    heard = listening(client)
    async with client:
        await until(lambda: len(heard) == 3)
        await quiet(client)
    again = place.client()
    heard_again = listening(again)
    async with again:
        await quiet(again)
    assert heard == ["while away"] * 3 and heard_again == []


async def test_what_came_while_the_line_was_down_arrives_without_another_trigger(place: Place, wire: Wire) -> None:
    """Telethon itself fetches nothing after it has reconnected."""
    client = place.client(retry_delay=0)
    heard = listening(client)
    async with client:
        place.telegram.send(to=PHONE, text="before")
        await until(lambda: heard == ["before"])
        await wire.cut()
        place.telegram.send(to=PHONE, text="while down", count=2)
        await wire.mend()
        await until(lambda: len(heard) == 3)
        place.telegram.send(to=PHONE, text="after")
        await until(lambda: len(heard) == 4)
        await quiet(client)
    assert heard == ["before", "while down", "while down", "after"]


async def test_what_a_new_session_on_telegrams_side_lost_is_fetched(place: Place) -> None:
    """new_session_created in the middle of a connection: core.telegram.org/mtproto/service_messages asks for it."""
    client = place.client()
    heard = listening(client)
    async with client:
        await quiet(client)
        place.telegram.forget_conversations(place.ada)
        place.telegram.send(to=PHONE, text="nobody listens")
        await client(functions.help.GetNearestDcRequest())  # asks for no updates
        await until(lambda: heard == ["nobody listens"])
        await quiet(client)
    assert heard == ["nobody listens"]


async def test_many_reconnects_deliver_every_message_once_and_in_order(place: Place, wire: Wire) -> None:
    client = place.client(retry_delay=0)
    heard = listening(client)
    async with client:
        for turn in range(5):
            place.telegram.send(to=PHONE, text=f"{turn} up")
            await wire.cut()
            place.telegram.send(to=PHONE, text=f"{turn} down")
            await wire.mend()
            await until(lambda turn=turn: len(heard) == 2 * turn + 2)
        await quiet(client)
    assert heard == [f"{turn} {way}" for turn in range(5) for way in ("up", "down")]


async def test_a_program_that_wants_no_updates_gets_none(place: Place) -> None:
    client = place.client(receive_updates=False)
    heard = listening(client)
    async with client:
        place.telegram.send(to=PHONE, text="hi")
        await client.get_me()
        await asyncio.sleep(0.1)
    assert heard == []


async def test_the_state_is_written_while_connected(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """004-F3: a crash loses seconds, not everything since the start."""
    monkeypatch.setattr("telekeep.upstream.held.FLUSH_SECONDS", 0.02)
    async with place.client() as client:
        before = place.state.pts if place.vault.load("main").state else 0
        place.telegram.send(to=PHONE, text="hi")
        await until(lambda: (state := place.vault.load("main").state) is not None and state.pts > before)
        assert client.is_connected()


# ---- never zero


@pytest.fixture
async def known(place: Place) -> UpdateState:
    async with place.client():
        pass
    assert place.state.pts > 0
    return place.state


async def test_a_failing_connect_keeps_the_state(place: Place, wire: Wire, known: UpdateState) -> None:
    await wire.cut()
    with pytest.raises(TelegramNetworkError):
        await place.client(connection_retries=0, retry_delay=0).connect()
    assert place.state == known


async def test_a_client_that_never_connected_keeps_the_state(place: Place, known: UpdateState) -> None:
    await place.client().disconnect()
    assert place.state == known


async def test_a_revoked_session_keeps_the_state(place: Place, known: UpdateState) -> None:
    place.telegram.fault("revoke")
    with pytest.raises(AuthKeyRevoked):
        await place.client().connect()
    assert place.state == known


async def test_a_session_revoked_in_use_keeps_the_state(place: Place, known: UpdateState) -> None:
    client = place.client()
    await client.connect()
    place.telegram.fault("revoke")
    assert await client.get_me() is None  # stock: any 401 is "nobody"
    await client.disconnect()
    assert place.state == known


async def test_a_silent_line_keeps_the_state(place: Place, wire: Wire, known: UpdateState) -> None:
    wire.freeze()
    with pytest.raises(TelegramNetworkError):
        await place.client(terms={"connect_seconds": 0.2}).connect()
    assert place.state == known


async def test_a_client_without_updates_keeps_the_state(place: Place, known: UpdateState) -> None:
    place.telegram.send(to=PHONE, text="missed", count=2)
    async with place.client(receive_updates=False) as client:
        await client.get_me()
    client = place.client()
    heard = listening(client)
    async with client:
        await until(lambda: len(heard) == 2)


async def test_channels_are_kept_beside_the_account(place: Place, known: UpdateState) -> None:
    session = place.vault.load("main")
    lease = place.leases.try_acquire(session.auth_key.id, floor=place.vault.entry("main").fence)
    place.vault.save_state("main", session.auth_key.id, replace(known, channels={777: 12}), fence=lease.fence)
    lease.release()
    async with place.client() as client:
        await quiet(client)
    assert place.state.channels == {777: 12}
