"""Where a client is used from: another event loop, a daemon thread at exit; and an address where nobody listens."""

from __future__ import annotations

import asyncio
import re

import pytest

from telekeep.errors import TelegramNetworkError
from upstream.place import Place

DAEMON = """\
import atexit, threading, time
atexit.register(time.sleep, 0.5)  # something else that takes its time at exit
import asyncio, telekeep

ready = threading.Event()

async def work():
    client = telekeep.client("main", direct=True, retry_delay=0)
    await client.connect()
    ready.set()
    await client.run_until_disconnected()

threading.Thread(target=asyncio.run, args=(work(),), daemon=True).start()
ready.wait(20)
"""

TWO_LOOPS = """\
import asyncio, telekeep
client = telekeep.client("main", direct=True)
asyncio.run(client.connect())
asyncio.run(client._disconnect_coro())
async def another():
    async with telekeep.client("main", direct=True, timeout=0) as client:
        print((await client.get_me()).first_name)
asyncio.run(another())
"""


async def test_a_client_in_a_daemon_thread_does_not_connect_again_at_exit(place: Place) -> None:
    code, _, err = await place.run(DAEMON)
    assert code == 0, err
    assert place.telegram.stats.connections == 1
    assert place.is_free()


@pytest.mark.parametrize("method", ["get_me", "connect", "_disconnect_coro"])
async def test_another_event_loop_is_refused_at_once(place: Place, method: str) -> None:
    client = place.client()
    await client.connect()

    async def use() -> None:
        await asyncio.wait_for(getattr(client, method)(), 30)

    with pytest.raises(RuntimeError, match="event loop must not change"):
        await asyncio.to_thread(asyncio.run, use())
    assert (await client.get_me()).id == place.ada.id
    await client.disconnect()


async def test_a_client_whose_loop_is_closed_can_still_give_its_lease_back(place: Place) -> None:
    code, out, err = await place.run(TWO_LOOPS)
    assert (code, out) == (0, "Ada"), err


async def test_an_address_where_nobody_listens_is_named(place: Place) -> None:
    home = place.network.first_dc
    await place.telegram.stop()
    with pytest.raises(TelegramNetworkError, match=re.escape(f"{home.host}:{home.port} refuses connections")):
        await place.client(connection_retries=1, retry_delay=0).connect()
    assert place.is_free()
    await place.telegram.start()
