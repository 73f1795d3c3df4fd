"""Who holds a session, and for how long: from before the first byte to after the last."""

from __future__ import annotations

import asyncio
import os

import pytest
from telethon import TelegramClient

from telekeep.errors import SessionBusy, SessionNotFound, TelegramNetworkError
from telekeep.events import Event, LeaseGone, LeaseTaken
from telekeep.lease.lease import lease_name
from upstream.place import Place, Wire, first_line, until

WORKER = """\
import asyncio, telekeep

async def main():
    async with telekeep.client("main", direct=True) as client:
        print((await client.get_me()).first_name, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_it_is_a_stock_client_that_speaks(place: Place) -> None:
    async with place.client() as client:
        assert isinstance(client, TelegramClient)
        assert (await client.get_me()).first_name == "Ada"
        assert [message.text async for message in client.iter_messages("me")] == []
        sent = await client.send_message("me", "hello")
        assert (await client.get_messages("me"))[0].id == sent.id


async def test_whoever_has_it_meanwhile_is_asked_for_it_as_well(place: Place) -> None:
    """A daemon may take the session while we wait for another holder: it would hand it over, if it were asked."""
    held = place.leases.try_acquire(place.vault.load("main").auth_key.id)
    asked: list[str] = []

    async def hand_over(lease: str) -> None:
        asked.append(lease)
        if len(asked) == 2:
            held.release()

    async with place.client(terms={"timeout": 20.0, "hand_over": hand_over}) as client:
        await client.get_me()
    assert len(asked) == 2


async def test_who_asks_in_vain_is_told_how_long_that_took(place: Place) -> None:
    held = place.leases.try_acquire(place.vault.load("main").auth_key.id)

    async def hand_over(lease: str) -> None: ...

    with pytest.raises(SessionBusy, match=r"Waited [1-9]\d* s for it"):
        await place.client(terms={"timeout": 1.2, "hand_over": hand_over}).connect()
    held.release()


async def test_a_second_client_in_this_process_is_told_that_we_hold_it(place: Place) -> None:
    async with place.client():
        with pytest.raises(SessionBusy) as refused:
            await place.client().connect()
        assert refused.value.holder.pid == os.getpid()
    assert place.is_free()


async def test_another_process_is_told_pid_and_command_of_the_holder(place: Place) -> None:
    worker = await place.start(WORKER)
    try:
        assert await first_line(worker) == "Ada"
        with pytest.raises(SessionBusy) as refused:
            await place.client().connect()
        assert refused.value.holder.pid == worker.pid
        assert "program.py" in refused.value.holder.command
        assert refused.value.since is not None
        worker.kill()
        await worker.communicate()
        async with place.client() as client:  # kill -9 frees it at once
            assert await client.get_me()
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.communicate()


async def test_whoever_waits_gets_it_when_it_is_given_back_and_the_loop_goes_on_meanwhile(place: Place) -> None:
    first, second = place.client(), place.client(terms={"timeout": 20.0})
    await first.connect()
    waiting = asyncio.create_task(second.connect())
    assert (await first.get_me()).id == place.ada.id  # the loop is not blocked by the one who waits
    assert not waiting.done()
    await first.disconnect()
    await waiting
    assert await second.get_me()
    await second.disconnect()


async def test_a_cancelled_wait_leaves_nothing_held(place: Place) -> None:
    async with place.client():
        waiting = asyncio.create_task(place.client(terms={"timeout": 20.0}).connect())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert place.is_free()


async def test_connecting_again_takes_a_new_lease_and_reads_the_record_again(place: Place) -> None:
    happened: list[Event] = []
    place.events.listen(happened.append)
    client = place.client()
    async with client:
        await client.connect()  # connected already: nothing happens
    async with client:
        assert await client.get_me()
    taken = [event.fence for event in happened if isinstance(event, LeaseTaken)]
    assert len(taken) == 2 and taken[0] < taken[1]
    assert sum(isinstance(event, LeaseGone) for event in happened) == 2
    place.vault.remove("main", fence=taken[1])
    with pytest.raises(SessionNotFound):
        await client.connect()


async def test_the_lease_is_given_back_after_the_last_connection_is_closed(place: Place) -> None:
    client = place.client()
    await client.connect()
    await client._borrow_exported_sender(4)
    sockets = [each._writer.get_extra_info("socket") for each in client._hold.line._connections]
    assert len(sockets) == 2
    held_while_open: list[bool] = []
    release = client._hold.lease.release

    def watched() -> None:
        held_while_open.append(any(socket.fileno() >= 0 for socket in sockets))
        release()

    client._hold.lease.release = watched
    await client.disconnect()
    assert held_while_open == [False]


@pytest.mark.parametrize("connected_by", ["connect", "start", "context"])
async def test_a_session_that_cannot_be_reached_is_not_kept_held(place: Place, wire: Wire, connected_by: str) -> None:
    await wire.cut()
    client = place.client(connection_retries=1, retry_delay=0)
    with pytest.raises(TelegramNetworkError):
        if connected_by == "context":
            async with client:
                pass
        else:
            await getattr(client, connected_by)()
    assert place.is_free()
    await wire.mend()
    async with client:
        assert await client.get_me()


async def test_a_telegram_that_never_answers_is_given_up_in_time(place: Place, wire: Wire) -> None:
    """000-8: Telethon itself would wait for ever."""
    wire.freeze()
    client = place.client(terms={"connect_seconds": 0.3})
    with pytest.raises(TelegramNetworkError, match="Timeout connecting to Telegram"):
        await client.connect()
    assert place.is_free()


async def test_a_client_that_is_not_connected_says_so_instead_of_sending(place: Place) -> None:
    client = place.client()
    with pytest.raises(ConnectionError):
        await client.get_me()
    await client.disconnect()
    assert place.is_free() and place.telegram.stats.connections == 0


async def test_two_that_connect_one_client_at_once_share_one_connection(place: Place) -> None:
    client = place.client()
    await asyncio.gather(client.connect(), client.connect())
    assert place.telegram.stats.connections == 1
    await asyncio.gather(client.disconnect(), client.disconnect())
    await until(place.is_free)


async def test_a_key_that_was_put_back_into_a_file_is_not_connected_with(place: Place) -> None:
    lease = lease_name(place.vault.load("main").auth_key.id)
    place.vault.keep_adoption("adopted", b"", away=[lease])
    with pytest.raises(SessionBusy, match="knows nothing of telekeep") as refused:
        await place.client().connect()
    assert "telekeep adopt" in str(refused.value.remedy)
    assert place.is_free() and place.telegram.stats.connections == 0
    place.vault.drop_adoption("adopted")
    async with place.client() as client:
        assert await client.get_me()
