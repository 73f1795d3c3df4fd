"""Starting, stopping, and leaving nothing behind."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest

from mtproto.client import Gone, RawClient
from mtproto.handshake import Shake
from telekeep.emulator import Emulator
from telekeep.mtproto.schema import functions, types
from telekeep.session.model import Session

ME = functions.users.GetUsersRequest(id=[types.InputUserSelf()])


async def test_stopping_closes_every_connection_and_task(telegram: Emulator, session: Session, raw: Any) -> None:
    client = await raw(session)
    await telegram.stop()
    with pytest.raises(Gone):
        await client.frame()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", session.dc.port)


async def test_a_client_that_is_gone_before_it_is_accepted_does_no_harm(telegram: Emulator, raw: Any) -> None:
    address = telegram.network.dc(2)
    for _ in range(20):
        with socket.create_connection((address.host, address.port)) as gone:
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
    client = await raw(telegram.fresh_key(dc=2))
    await client.ping()


async def test_its_state_can_be_read(telegram: Emulator, session: Session, raw: Any) -> None:
    await raw(session)
    assert "1 accounts" in repr(telegram) and "rpc=1" in repr(telegram)
    (line,) = telegram._registry.lines
    assert "127.0.0.1: abridged, 1 conversations" in repr(line)
    (authorization,) = telegram.authorizations(session.user.id)
    assert "0 running" in repr(next(iter(authorization.conversations.values())))
    await telegram.stop()
    assert "stopped" in repr(telegram)


async def test_stopping_twice_is_fine(telegram: Emulator) -> None:
    await telegram.stop()
    await telegram.stop()


async def test_after_an_outage_ports_logins_and_messages_are_the_same(
    telegram: Emulator, session: Session, raw: Any
) -> None:
    before = telegram.network
    await telegram.stop()
    await telegram.start()
    assert telegram.network == before
    client = await raw(session)
    await client.call(ME)


async def test_a_start_that_fails_leaves_nothing_listening() -> None:
    async with Emulator() as one:
        addresses = one.network.addresses
        free, *taken = addresses
    async with Emulator(addresses=taken) as _, asyncio.timeout(30):
        half = Emulator(addresses=addresses)
        with pytest.raises(OSError):
            await half.start()
        with pytest.raises(OSError):
            await asyncio.open_connection(free.host, free.port)


async def test_data_centers_are_as_asked_for(raw: Any) -> None:
    async with Emulator(dcs=(1, 2, 5), home=5, media=()) as telegram:
        assert [address.dc_id for address in telegram.network.addresses] == [5, 1, 2]
        assert telegram.network.first_dc.id == 5
        account = telegram.add_account("9996611111")
        assert account.home_dc == 1
        client = await raw(telegram.mint(account))
        await client.call(ME)


@pytest.mark.parametrize("wrong", [{"home": 3}, {"media": (5,)}])
def test_data_centers_that_do_not_exist_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="data center"):
        Emulator(dcs=(2, 4), **wrong)


async def test_a_key_made_by_hand_is_counted_and_known(telegram: Emulator) -> None:
    address = telegram.network.dc(2)
    client = await RawClient.open(address, bytes(range(256)))
    key = await Shake(client.wire, telegram.network.keys[0]).all()
    client = RawClient(client.wire, key)
    await client.call(functions.help.GetConfigRequest(), init=True)
    assert telegram.stats.handshakes == 1
    await client.close()


async def test_a_broken_handler_is_reported_and_the_line_lives_on(
    telegram: Emulator, session: Session, raw: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await raw(session)
    monkeypatch.setattr(telegram.world, "viewers", None)
    with pytest.raises(Exception, match=r"EMULATOR_BROKEN_users\.getUsers"):
        await client.call(ME)
    assert "users.getUsers" in caplog.text
    await client.ping()
