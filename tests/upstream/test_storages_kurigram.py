"""kurigram over a kept session: no packet leaves without the lease, and it stops when the lease is gone.

In every test of this room Telegram must not have seen one key used twice at once (see conftest).
"""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from telekeep.errors import AuthKeyDuplicated, ConfigError, NeedsLogin, SessionBusy, SessionConflict
from telekeep.session.model import User
from telekeep.upstream.storages import held_record
from upstream.place import Place, first_line, until
from upstream.test_lease_lost import take_away
from upstream.test_storages_guarded import here  # noqa: F401  # a fixture

pytestmark = pytest.mark.judge


@pytest.fixture(autouse=True)
def known(place: Place, here: None) -> None:  # noqa: F811
    """kurigram is given the session of somebody only."""
    lease = place.leases.try_acquire(place.vault.load("main").auth_key.id)
    session = replace(place.vault.load("main"), user=User(place.ada.id, False, "ada"))
    place.vault.keep("main", session, fence=lease.fence, expected=1)
    lease.release()


def made(place: Place, storage: Any = None) -> Any:
    pyrogram = pytest.importorskip("pyrogram")
    from telekeep.upstream.storages.kurigram_storage import VaultStorage

    storage = storage or VaultStorage("main", network=place.network)
    client = pyrogram.Client("main", api_id=1, api_hash="0" * 32, storage_engine=storage)
    client.sleep_threshold = 0
    return client


@pytest.fixture
async def client(place: Place) -> AsyncIterator[Any]:
    client = made(place)
    await client.start()
    yield client
    await client.stop()
    assert place.is_free()


async def test_the_next_call_is_refused_and_no_byte_is_sent(place: Place, client: Any) -> None:
    sent = place.telegram.stats.rpc
    take_away(place)
    for _ in range(2):
        with pytest.raises(SessionConflict, match=r"deleted or replaced|not held"):
            await asyncio.wait_for(client.get_me(), 30)
    await asyncio.sleep(0.1)  # it would connect again at once
    assert (place.telegram.stats.rpc, place.telegram.stats.connections) == (sent, 1)
    await client.stop()
    assert place.is_free()
    await client.start()  # the lease is taken anew
    assert (await client.get_me()).id == place.ada.id


async def test_a_call_that_waits_ends_though_nobody_sends(
    place: Place, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_record, "WATCH_SECONDS", 0.05)
    client.storage._held._look()
    place.telegram.fault("delay", method="users.getFullUser", seconds=30)
    before = place.telegram.stats.rpc
    waiting = asyncio.create_task(client.get_me())
    await until(lambda: place.telegram.stats.rpc > before)
    take_away(place)
    with pytest.raises(SessionConflict):
        await asyncio.wait_for(waiting, 30)
    assert place.telegram.stats.connections == 1


async def test_a_key_that_is_set_aside_meanwhile_is_not_used(place: Place, client: Any) -> None:
    place.vault.quarantine(place.vault.load("main").auth_key.id, "AuthKeyDuplicated", checked=True)
    client.storage._held._look()
    with pytest.raises(SessionConflict):
        await asyncio.wait_for(client.get_me(), 30)
    await client.stop()
    with pytest.raises(AuthKeyDuplicated):
        await client.start()
    assert place.telegram.stats.connections == 1
    place.vault.acquit(place.vault.load("main").auth_key.id)
    await client.start()


async def test_a_second_client_does_not_share_the_storage(place: Place, client: Any) -> None:
    with pytest.raises(SessionBusy, match="Another client of this program"):
        await made(place, client.storage).start()
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be copied"):
            copied(client.storage)
    assert place.telegram.stats.connections == 1 and (await client.get_me()).id == place.ada.id


async def test_no_key_is_given_where_no_client_can_be_made_to_ask(place: Place) -> None:
    """A storage around ours, one that a program opens by itself, connections that are made by a function."""
    pyrogram = pytest.importorskip("pyrogram")
    from telekeep.upstream.storages.kurigram_storage import VaultStorage

    class Around(pyrogram.storage.SQLiteStorage):
        async def open(self) -> None:
            await storage.open()

        async def auth_key(self, value: Any = object) -> Any:
            return await storage.auth_key()

    storage = VaultStorage("main", network=place.network)
    wrapped = made(place, Around("main", place.root))
    by_function = made(place, storage)
    by_function.connection_factory = lambda *args, **options: None
    for opening in (wrapped.start(), storage.open(), asyncio.create_task(storage.open()), by_function.start()):
        with pytest.raises(ConfigError, match=r"(?s)cannot tell which client.*telekeep\.client\('main'\)"):
            await opening
        with pytest.raises(NeedsLogin, match="not held"):
            await storage.auth_key()
    assert place.is_free() and place.telegram.stats.connections == 0


async def test_a_subclass_that_opens_it_in_its_own_way_is_guarded_too(place: Place) -> None:
    pytest.importorskip("pyrogram")
    from telekeep.upstream.storages.kurigram_storage import VaultStorage

    class Own(VaultStorage):
        async def open(self) -> None:
            await super().open()

    client = made(place, Own("main", network=place.network))
    await client.start()
    take_away(place)
    with pytest.raises(SessionConflict, match=r"deleted or replaced|not held"):
        await asyncio.wait_for(client.get_me(), 5)
    await client.stop()


async def test_connections_made_for_another_storage_ask_this_one(place: Place) -> None:
    first, second = made(place), made(place)
    await first.start()
    second.connection_factory = first.connection_factory
    await first.stop()
    await second.start()  # by the line of its own storage: the other is closed
    assert (await second.get_me()).id == place.ada.id
    await second.stop()


async def test_what_is_asked_of_it_while_it_is_closed_takes_no_lease(place: Place) -> None:
    client = made(place)
    await client.storage.save()
    with pytest.raises(NeedsLogin, match="not held"):
        await client.storage.auth_key()
    assert place.is_free()


async def test_a_login_that_was_ended_on_purpose_is_set_aside(place: Place) -> None:
    client = made(place)
    await client.start()
    await client.log_out()
    assert [entry.state for entry in place.vault.entries()] == ["removed"]
    (lease,) = {entry.lease for entry in place.vault.entries()}
    assert place.leases.holder(lease) is None


PROGRAM = """\
import asyncio, logging, os, sys
from pyrogram import Client
from telekeep.upstream.storages.kurigram_storage import VaultStorage

logging.disable()

async def main():
    client = Client("main", api_id=1, api_hash="0" * 32, storage_engine=VaultStorage("main"))
    await client.start()
    print((await client.get_me()).first_name)
    child = os.fork()
    if not child:
        os.closerange(0, 3)  # else whoever reads them waits for the child
        import time
        time.sleep(20)
        os._exit(0)
    print(child)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    print((await client.get_me()).first_name)
    await asyncio.sleep(20)

asyncio.run(main())
"""


async def test_another_process_has_it_for_as_long_as_it_lives_and_no_longer(place: Place) -> None:
    (place.root / "program.py").write_text(PROGRAM)
    pipe = asyncio.subprocess.PIPE
    holder = await asyncio.create_subprocess_exec(
        os.sys.executable, str(place.root / "program.py"), env=place.environment(), stdin=pipe, stdout=pipe, stderr=pipe
    )
    assert await first_line(holder) == "Ada"
    child = int(await first_line(holder))
    try:
        holder.send_signal(signal.SIGSTOP)
        with pytest.raises(SessionBusy, match=f"process {holder.pid}"):
            await made(place).start()
        holder.send_signal(signal.SIGCONT)
        holder.stdin.write(b"\n")
        assert await first_line(holder) == "Ada"
        holder.kill()
        await holder.wait()
        second = made(place)  # the child of the first lives on, and has no part in its connection
        await second.start()
        assert (await second.get_me()).id == place.ada.id
        await second.stop()
    finally:
        os.kill(child, signal.SIGKILL)
