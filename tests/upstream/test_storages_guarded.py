"""A program's own client over a kept session: no packet leaves without the lease, and it stops when the lease is gone.

In every test of this room Telegram must not have seen one key used twice at once (see conftest).
"""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
from telethon import TelegramClient, errors, functions
from telethon.crypto import AuthKey as TelethonKey
from telethon.network import connection as connections
from telethon.sessions import MemorySession, StringSession

from emulator.stock import QUICK, trust
from telekeep.borrow import asking
from telekeep.errors import (
    AuthKeyDuplicated,
    ConfigError,
    FloodWait,
    LeaseLost,
    SessionBusy,
    SessionConflict,
    TelegramNetworkError,
)
from telekeep.pace.gate import Gate
from telekeep.pace.policy import Wait
from telekeep.upstream.storages import held_record
from telekeep.upstream.storages.telethon_session import VaultSession
from telekeep.upstream.subject import subject_of
from upstream.place import Place, Wire, first_line, until
from upstream.test_lease_lost import ask, take_away


@pytest.fixture(autouse=True)
def here(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process finds the place as a program does."""
    for name, value in place.environment().items():
        if name.startswith("TELEKEEP_"):
            monkeypatch.setenv(name, value)
    trust(place.telegram)


def made(place: Place, session: VaultSession | None = None, **options: Any) -> TelegramClient:
    session = session or VaultSession("main", network=place.network)
    return TelegramClient(session, 1, "0" * 32, **{**QUICK, "retry_delay": 0, **options})


@pytest.fixture
async def client(place: Place) -> AsyncIterator[TelegramClient]:
    client = made(place)
    await client.connect()
    await client.get_me()
    yield client
    await client.disconnect()


# ---- the lease is lost


@pytest.mark.parametrize("kind", ["ConnectionTcpFull", "ConnectionTcpAbridged", "ConnectionTcpObfuscated"])
async def test_the_next_call_is_refused_and_no_byte_is_sent(place: Place, kind: str) -> None:
    client = made(place, connection=getattr(connections, kind), connection_retries=None)
    await client.connect()
    await client.get_me()
    running = asyncio.create_task(client.run_until_disconnected())
    await until(lambda: place.telegram.stats.rpc > 3)
    sent = place.telegram.stats.rpc
    take_away(place)
    with pytest.raises(LeaseLost, match="deleted or replaced"):
        await client.get_me()
    with pytest.raises(LeaseLost):
        await running  # and it has disconnected
    assert (place.telegram.stats.rpc, place.telegram.stats.connections) == (sent, 1)
    async with client:  # the lease is taken anew
        assert (await client.get_me()).id == place.ada.id


async def test_every_call_that_waits_ends_with_the_reason_though_nobody_sends(
    place: Place, client: TelegramClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_record, "WATCH_SECONDS", 0.05)
    client.session._held._look()
    place.telegram.fault("delay", method="help.getNearestDc", seconds=30, times=5)
    before = place.telegram.stats.rpc
    waiting = [ask(client) for _ in range(5)]
    await until(lambda: place.telegram.stats.rpc == before + 5)
    take_away(place)
    ends = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 30)
    assert {type(each) for each in ends} == {LeaseLost}
    with pytest.raises(ConnectionError):
        await client.get_me()
    assert place.telegram.stats.rpc == before + 5 and place.is_free()
    await client.connect()  # without a disconnect before it
    assert (await client.get_me()).id == place.ada.id


async def test_a_client_that_is_connecting_again_stops(place: Place, wire: Wire) -> None:
    client = made(place, connection_retries=None)
    await client.connect()
    await client.get_me()
    await wire.cut()
    calling = ask(client)  # goes out when the line is there again
    take_away(place)
    await wire.mend()
    with pytest.raises((LeaseLost, SessionConflict)):
        await asyncio.wait_for(calling, 30)
    assert not client.is_connected() and wire.accepted == 1
    await client.disconnect()


async def test_other_data_centers_are_closed_with_it(
    place: Place, client: TelegramClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = await client(functions.help.GetConfigRequest())
    monkeypatch.setattr(TelegramClient, "_config", config)
    client._config = config
    sender = await client._borrow_exported_sender(4)
    assert await client._call(sender, functions.help.GetNearestDcRequest())
    sent = place.telegram.stats.rpc
    take_away(place)
    with pytest.raises(LeaseLost):
        await client._call(sender, functions.help.GetNearestDcRequest())
    await until(lambda: not client.is_connected() and not sender.is_connected())
    assert place.telegram.stats.rpc == sent


async def test_saving_without_the_lease_ends_the_client_and_not_the_one_who_saves(
    place: Place, client: TelegramClient
) -> None:
    """Telethon saves now and then, in a task that an error would end without a word."""
    take_away(place)
    client.session.save()
    with pytest.raises(LeaseLost):
        await client.disconnected
    assert not client.is_connected()


# ---- other processes

STOCK = """\
import asyncio, os, sys, time
from telethon import TelegramClient
from telekeep.upstream.storages.telethon_session import VaultSession

async def main():
    client = TelegramClient(VaultSession("main"), 1, "0" * 32, connection_retries=None, retry_delay=0)
    await client.connect()
    print((await client.get_me()).first_name)
    if "fork" in sys.argv:
        child = os.fork()
        if not child:
            os.closerange(0, 3)  # else they who read them wait for the child
            time.sleep(20)
            os._exit(0)
        print(child)
        await asyncio.sleep(20)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    for _ in range(2):
        try:
            print((await client.get_me()).first_name)
        except Exception as error:
            print(type(error).__name__)
    await client.disconnect()
    print("disconnected")

asyncio.run(main())
"""


async def start(place: Place, *arguments: str) -> asyncio.subprocess.Process:
    (place.root / "program.py").write_text(STOCK)
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        os.sys.executable, str(place.root / "program.py"), *arguments,
        env=place.environment(), stdin=pipe, stdout=pipe, stderr=pipe,
    )  # fmt: skip


async def test_one_that_sleeps_keeps_the_lease_and_one_that_wakes_without_it_is_silent(place: Place) -> None:
    sleeper = await start(place)
    assert await first_line(sleeper) == "Ada"
    sleeper.send_signal(signal.SIGSTOP)
    with pytest.raises(SessionBusy, match=f"process {sleeper.pid}"):
        VaultSession("main", network=place.network)
    take_away(place)  # what no kernel protects from
    session = VaultSession("main", network=place.network)  # ours now, not connected yet
    before = place.telegram.stats.rpc
    sleeper.send_signal(signal.SIGCONT)
    out, _ = await asyncio.wait_for(sleeper.communicate(b"\n"), 30)
    assert out.decode().split() == ["LeaseLost", "ConnectionError", "disconnected"]
    assert place.telegram.stats.rpc == before and place.telegram.stats.connections == 1
    async with made(place, session) as client:
        assert (await client.get_me()).id == place.ada.id


async def test_a_child_that_outlives_its_killed_parent_keeps_no_connection_open(place: Place) -> None:
    holder = await start(place, "fork")
    assert await first_line(holder) == "Ada"
    child = int(await first_line(holder))
    try:
        holder.kill()
        await holder.wait()
        async with made(place) as client:
            assert (await client.get_me()).id == place.ada.id
    finally:
        os.kill(child, signal.SIGKILL)


SYNCHRONOUS = """\
import logging, os, time, telethon.sync
from telethon import TelegramClient
from telekeep.upstream.storages.telethon_session import VaultSession

logging.disable()
client = TelegramClient(VaultSession("main"), 1, "0" * 32, connection_retries=None)
client.connect()
child = os.fork()
if not child:
    began = time.monotonic()
    for name in ("get_me", "connect", "disconnect", "get_me"):
        try:
            print(name, getattr(client, name)(), flush=True)
        except Exception as error:
            print(name, type(error).__name__, flush=True)
    print("at once" if time.monotonic() - began < 8 else "late", flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(client.get_me().first_name, len(client.get_dialogs()) > 0)
client.disconnect()
"""


async def test_the_child_of_a_synchronous_program_is_refused_at_once_and_disturbs_nobody(place: Place) -> None:
    code, out, err = await place.run(SYNCHRONOUS)
    refused = ["get_me LeaseLost", "connect SessionConflict", "disconnect None", "get_me ConnectionError", "at once"]
    assert (code, out.splitlines()) == (0, [*refused, "Ada True"]), err
    assert place.telegram.stats.connections == 1, "the parent has not had to connect again"


LOOPS = """\
import asyncio
from telethon import TelegramClient
from telekeep.upstream.storages.telethon_session import VaultSession

kept = []

async def use():
    client = TelegramClient(VaultSession("main"), 1, "0" * 32)
    await client.connect()
    print((await client.get_me()).first_name)
    kept.append(client)

asyncio.run(use())  # nobody disconnects
asyncio.run(use())
"""


async def test_a_client_whose_event_loop_is_gone_stands_in_nobodys_way_and_is_written(place: Place) -> None:
    code, out, err = await place.run(LOOPS)
    assert (code, out) == (0, "Ada\nAda"), err
    assert place.is_free() and place.vault.load("main").user.id == place.ada.id


# ---- one client, one key


async def test_two_clients_of_one_program_do_not_share_a_session(place: Place, client: TelegramClient) -> None:
    second = made(place, client.session)
    with pytest.raises(SessionBusy, match="Another client of this program"):
        await second.connect()
    assert place.telegram.stats.connections == 1
    await client.disconnect()
    await second.connect()  # made while another had it, or while nobody held it: it has the key, and makes none
    assert (await second.get_me()).id == place.ada.id and place.telegram.stats.handshakes == 0
    await second.disconnect()


class Own(VaultSession):
    """A program's subclass, which looks on."""

    @property
    def server_address(self) -> Any:
        return super().server_address

    @property
    def auth_key(self) -> Any:
        return super().auth_key

    @auth_key.setter
    def auth_key(self, value: Any) -> None:
        VaultSession.auth_key.fset(self, value)


async def test_a_subclass_of_it_is_guarded_too(place: Place) -> None:
    client = made(place, Own("main", network=place.network))
    await client.connect()
    assert (await client.get_me()).id == place.ada.id
    take_away(place)
    with pytest.raises(LeaseLost):
        await client.get_me()


class Around(MemorySession):
    """A program's session around ours."""

    def __init__(self, inner: VaultSession) -> None:
        super().__init__()
        self.inner = inner

    @property
    def auth_key(self) -> Any:
        return self.inner.auth_key

    @property
    def server_address(self) -> Any:
        return self.inner.server_address


async def test_no_key_is_given_where_no_client_can_be_made_to_ask(place: Place) -> None:
    session = VaultSession("main", network=place.network)
    asked = (lambda: made(place, Around(session)), lambda: session.auth_key, lambda: StringSession.save(session))
    for reading in asked:
        with pytest.raises(ConfigError, match=r"(?s)cannot tell which client.*telekeep\.client\('main'\)"):
            reading()
    session.close()
    assert place.is_free() and place.telegram.stats.connections == 0


async def test_a_client_that_connects_in_a_way_of_its_own_is_refused(place: Place) -> None:
    """It would be neither looked after nor told from a second one on the same key."""
    client = made(place)
    session = client.session
    with pytest.raises(ConfigError, match="cannot tell which client"):
        client._connection(session.server_address, session.port, session.dc_id, loggers=client._log)
    await client.connect()
    second = made(place, session)
    with pytest.raises(ConfigError, match="cannot tell which client"):
        second._connection(session.server_address, session.port, session.dc_id, loggers=second._log)
    await client.disconnect()


async def test_connections_made_for_another_session_ask_this_one(place: Place, client: TelegramClient) -> None:
    await client.disconnect()
    second = made(place, connection=client._connection)
    await second.connect()  # by the line of its own session: the other is closed
    assert (await second.get_me()).id == place.ada.id
    await second.disconnect()


async def test_one_that_was_given_to_its_client_later_is_refused(place: Place) -> None:
    client = made(place)
    client.session.close()
    client = TelegramClient(None, 1, "0" * 32)
    client.session = VaultSession("main", network=place.network)
    with pytest.raises(ConfigError, match="made without its VaultSession"):
        await client.connect()
    client.session.close()


async def test_closing_the_session_stops_its_client(place: Place) -> None:
    client = made(place, connection_retries=None)
    await client.connect()
    client.session.close()
    with pytest.raises(TelegramNetworkError, match="closed"):
        await client.disconnected
    assert place.is_free() and place.telegram.stats.connections == 1
    await client.disconnect()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
async def test_it_cannot_be_copied(place: Place, copied: Any) -> None:
    session = VaultSession("main", network=place.network)
    for each in (session, session._held):
        with pytest.raises(TypeError, match="cannot be copied"):
            copied(each)
    assert "main" in repr(session._held)
    session.close()


async def test_no_program_changes_key_or_data_center(place: Place) -> None:
    """Telethon would, after USER_MIGRATE, or to connect by IPv6; the kept login would be lost."""
    client = made(place, use_ipv6=True)
    await client.connect()
    assert (await client.get_me()).id == place.ada.id
    with pytest.raises(ConfigError, match="data center"):
        await client._switch_dc(4)
    with pytest.raises(ConfigError, match="key"):
        client.session.auth_key = TelethonKey(os.urandom(256))
    client.session.auth_key = None
    client.session.save()
    await client.disconnect()
    client.session.save()  # nothing is held: nothing is written
    client.session.close()
    assert len(place.vault.history("main")) == 1 and place.is_free()


async def test_one_that_never_connected_gives_the_lease_back_when_it_is_dropped(place: Place) -> None:
    VaultSession("main", network=place.network)
    assert place.is_free() and place.vault.entry("main").last_used_at is None


# ---- what is known against it


async def test_a_key_that_is_set_aside_meanwhile_is_not_used(place: Place, client: TelegramClient) -> None:
    key_id = place.vault.load("main").auth_key.id
    place.vault.quarantine(key_id, "AuthKeyDuplicated", checked=True)
    before = place.telegram.stats.rpc
    waiting = asyncio.create_task(client.run_until_disconnected())
    await until(lambda: place.telegram.stats.rpc > before)  # it asks for the update state first
    client.session._held._look()
    with pytest.raises(AuthKeyDuplicated):
        await waiting
    with pytest.raises(AuthKeyDuplicated):
        await client.connect()
    assert place.telegram.stats.connections == 1 and place.is_free()


@pytest.mark.parametrize(
    ("kind", "error", "checked"), [("revoke", "AuthKeyRevoked", False), ("duplicated", "AuthKeyDuplicated", True)]
)
async def test_a_login_that_ends_while_the_client_listens_is_set_aside(
    place: Place, client: TelegramClient, kind: str, error: str, checked: bool
) -> None:
    place.telegram.fault(kind, method="updates.getDifference")
    await client.catch_up()
    await until(lambda: not client.is_connected() and place.is_free())
    found = place.vault.quarantined(place.vault.load("main").auth_key.id)
    assert (found.error, found.checked) == (error, checked)


async def test_telegram_is_not_asked_before_the_time_it_has_named(place: Place) -> None:
    gate = Gate(place.ledger, subject_of(place.network, place.vault.load("main")), who="main", clock=place.clock)
    gate.note("users.getUsers", Wait("FLOOD_WAIT", 300.0))
    with pytest.raises(FloodWait) as refused:
        VaultSession("main", network=place.network)
    assert isinstance(refused.value, errors.FloodWaitError) and 290 < refused.value.seconds <= 300
    assert place.telegram.stats.connections == 0 and place.is_free()


async def test_a_session_that_the_daemon_owns_is_told_with_the_way_to_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = await start(place)
    assert await first_line(holder) == "Ada"
    monkeypatch.setattr(asking, "hail", lambda home: {"pid": holder.pid})
    with pytest.raises(SessionBusy, match="The daemon owns 'main'") as refused:
        VaultSession("main", network=place.network)
    assert "telekeep.client('main')" in (refused.value.remedy or "") and refused.value.holder.pid == holder.pid
    out, _ = await asyncio.wait_for(holder.communicate(b"\n"), 30)
    assert out.decode().split() == ["Ada", "Ada", "disconnected"]
