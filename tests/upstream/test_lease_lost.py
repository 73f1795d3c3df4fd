"""A lease that is lost closes the client: nothing more is sent, and every call ends at once with the reason."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from telethon import functions

from telekeep.errors import LeaseLost
from telekeep.upstream.held import HeldClient
from upstream.own_time import own_time
from upstream.place import Place, Wire, fill, until


def take_away(place: Place) -> None:
    """Somebody deletes the lease file: from now on another process could lock a new one."""
    name = place.vault.entry("main").lease
    (file,) = [path for path in (place.root / "leases").iterdir() if name in path.name and path.suffix == ".lease"]
    file.unlink()


def ask(client: HeldClient) -> asyncio.Task[object]:
    return asyncio.create_task(client(functions.help.GetNearestDcRequest()))


async def test_the_next_call_is_refused_and_no_byte_is_sent(place: Place) -> None:
    client = place.client()
    await client.connect()
    sent = place.telegram.stats.rpc
    take_away(place)
    began = own_time()
    with pytest.raises(LeaseLost, match="deleted or replaced"):
        await client.get_me()
    assert own_time() - began < 1
    await until(lambda: not client.is_connected())
    await client.disconnect()
    assert place.telegram.stats.rpc == sent


async def test_every_call_that_waits_ends_at_once_with_the_reason(place: Place, log: list[str]) -> None:
    client = place.client()
    await client.connect()
    place.telegram.fault("delay", method="help.getNearestDc", seconds=30, times=20)
    waiting = [ask(client) for _ in range(20)]
    await until(lambda: log.count("help.getNearestDc") == 20)
    take_away(place)
    began = own_time()
    waiting.append(ask(client))  # it is this one's packet that is refused
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert own_time() - began < 1
    assert {type(each) for each in ended} == {LeaseLost}
    await client.disconnect()


async def test_calls_that_wait_behind_a_blocked_line_end_too(place: Place, wire: Wire) -> None:
    """Telethon leaves what is queued behind a full line without an answer for ever."""
    client = place.client()
    await client.connect()
    wire.freeze()
    big = await fill(client)
    take_away(place)
    waiting = ask(client)
    client._hold.record.used()
    began = own_time()
    client._write(client._hold)  # the writer notices what the blocked sender cannot
    ended = await asyncio.gather(waiting, *big, return_exceptions=True)
    assert {type(each) for each in ended} == {LeaseLost}
    await client.disconnect()
    assert own_time() - began < 2, "what waits to be sent is dropped, not waited for"


async def test_it_does_not_connect_again(place: Place) -> None:
    client = place.client(retry_delay=0)
    await client.connect()
    take_away(place)
    with pytest.raises(LeaseLost):
        await client.get_me()
    with pytest.raises(LeaseLost):
        await client.run_until_disconnected()
    await until(lambda: client._hold is None)
    assert place.telegram.stats.connections == 1


async def test_whoever_runs_until_disconnected_is_told_why(place: Place) -> None:
    client = place.client()
    await client.connect()
    running = asyncio.create_task(client.run_until_disconnected())
    await asyncio.sleep(0.05)
    take_away(place)
    with pytest.raises(LeaseLost):
        await client.get_me()
    with pytest.raises(LeaseLost):
        await running


async def test_a_stock_program_may_catch_it_as_a_connection_error(place: Place) -> None:
    client = place.client()
    await client.connect()
    take_away(place)
    with pytest.raises(ConnectionError):
        await client.get_me()
    await client.disconnect()


async def test_nothing_is_written_after_the_lease_is_lost(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telekeep.upstream.held.FLUSH_SECONDS", 3600.0)  # nothing is written before it either
    async with place.client():
        pass
    kept = place.state
    client = place.client()
    await client.connect()
    place.telegram.send(to="9996621234", text="one")
    await until(lambda: client._message_box.session_state()[0]["pts"] > kept.pts)
    take_away(place)
    await client.disconnect()
    assert place.state == kept


async def test_other_data_centers_are_closed_with_it(place: Place) -> None:
    client = place.client()
    await client.connect()
    sender = await client._borrow_exported_sender(4)
    assert await client._call(sender, functions.help.GetNearestDcRequest())
    take_away(place)
    with pytest.raises(LeaseLost):
        await client._call(sender, functions.help.GetNearestDcRequest())
    await client.disconnect()
    with pytest.raises(ConnectionError):
        await client._call(sender, functions.help.GetNearestDcRequest())
    assert not sender.is_connected()


async def test_a_forked_child_cannot_speak_and_does_not_end_its_parents_lease(place: Place, tmp_path: Path) -> None:
    """002-F5: what a child inherits is not its own."""
    client = place.client()
    await client.connect()
    said = tmp_path / "said"
    child = os.fork()
    if not child:
        try:
            client._hold.line.check()
        except LeaseLost as lost:
            said.write_text(lost.reason)
        finally:
            client._hold.lease.release()
            os._exit(0)
    assert (await asyncio.to_thread(os.waitpid, child, 0))[1] == 0
    assert said.read_text() == "this is a child process of its holder"
    assert (await client.get_me()).id == place.ada.id
    await client.disconnect()
