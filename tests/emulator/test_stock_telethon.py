"""Stock Telethon against the emulator: what works with Telegram works here, and fails here as it fails there."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from telethon import TelegramClient, errors, events, functions, types
from telethon.network import connection

from emulator.stock import session_at, telethon, trust
from telekeep.emulator import Emulator
from telekeep.mtproto import exchange
from telekeep.mtproto.rules import TOO_NEW
from telekeep.mtproto.schema import DH_G, DH_PRIME
from telekeep.session.model import Session

TRANSPORTS = (
    connection.ConnectionTcpFull,
    connection.ConnectionTcpAbridged,
    connection.ConnectionTcpIntermediate,
    connection.ConnectionTcpObfuscated,
)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_minted_session_speaks_at_once(telegram: Emulator, session: Session, transport: Any) -> None:
    async with telethon(telegram, session, connection=transport) as client:
        me = await client.get_me()
    assert (me.id, me.first_name) == (session.user.id, "Ada")
    assert telegram.stats.handshakes == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_key_is_made_over_every_transport(telegram: Emulator, transport: Any) -> None:
    async with telethon(telegram, telegram.network.first_dc, connection=transport) as client:
        nearest = await client(functions.help.GetNearestDcRequest())
        assert not await client.is_user_authorized()
    assert nearest.this_dc == telegram.home_dc
    assert telegram.stats.handshakes == 1


async def test_a_key_with_a_leading_zero_makes_telethon_shake_hands_again(
    telegram: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It drops the zero, sees that the two sides disagree, and never speaks with such a key."""
    secret = 1 << 511
    g_a = pow(DH_G, secret, DH_PRIME)
    unlucky = next(b for b in range(1 << 80, 1 << 81) if pow(g_a, b, DH_PRIME) >> 2040 == 0)
    drawn = [unlucky.to_bytes(256, "big")]
    monkeypatch.setattr(exchange.secrets, "randbits", lambda bits: secret)
    genuine = os.urandom
    monkeypatch.setattr(os, "urandom", lambda size: drawn.pop() if size == 256 and drawn else genuine(size))
    async with telethon(telegram, telegram.network.first_dc, retry_delay=0) as client:
        assert (await client(functions.help.GetNearestDcRequest())).this_dc == telegram.home_dc
    assert not drawn
    assert (telegram.stats.handshakes, telegram.stats.connections) == (1, 1), "the key that was thrown away counts"


async def test_many_calls_at_once_are_all_answered(telegram: Emulator, session: Session) -> None:
    async with telethon(telegram, session) as client:
        answers = await asyncio.gather(*(client.get_me() for _ in range(300)))
    assert {me.id for me in answers} == {session.user.id}


async def test_long_answers_arrive(telegram: Emulator) -> None:
    account = telegram.add_account("9996620001", messages=150)
    async with telethon(telegram, telegram.mint(account)) as client:
        found = 0
        async for dialog in client.iter_dialogs():
            found += len(await client.get_messages(dialog.entity, limit=None))
    assert found == 150


async def test_a_wrong_salt_mends_itself(telegram: Emulator, session: Session) -> None:
    async with telethon(telegram, session) as client:
        telegram.fault("bad-salt", method="users.getUsers", times=3)
        assert (await client.get_me()).id == session.user.id


@pytest.mark.parametrize("ahead", [-7200, 7200])
async def test_a_wrong_clock_mends_itself(telegram: Emulator, session: Session, ahead: int) -> None:
    trust(telegram)
    client = TelegramClient(session_at(session), 1, "x", connection_retries=1)
    client._sender._state.time_offset = ahead
    await client.connect()
    try:
        assert (await client.get_me()).id == session.user.id
        assert abs(client._sender._state.time_offset) < TOO_NEW, "or it would be too new"
    finally:
        await client.disconnect()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("flood", errors.FloodWaitError),
        ("slowmode", errors.SlowModeWaitError),
        ("takeout", errors.TakeoutInitDelayError),
        ("revoke", errors.SessionRevokedError),
        ("unregister", errors.AuthKeyUnregisteredError),
        ("expire", errors.SessionExpiredError),
        ("ban", errors.UserDeactivatedBanError),
        ("duplicated", errors.AuthKeyDuplicatedError),
        ("error", errors.RpcCallFailError),
    ],
)
async def test_faults_arrive_as_their_own_class(
    telegram: Emulator, session: Session, kind: str, error: type[Exception]
) -> None:
    async with telethon(telegram, session, raise_last_call_error=True) as client:
        telegram.fault(kind, seconds=90, times=10)
        with pytest.raises(error) as raised:
            await client(functions.users.GetUsersRequest([types.InputUserSelf()]))
        telegram.clear_faults()
    if hasattr(raised.value, "seconds"):
        assert raised.value.seconds == 90


async def test_a_premium_flood_wait_is_a_flood_error(telegram: Emulator, session: Session) -> None:
    async with telethon(telegram, session) as client:
        telegram.fault("premium-flood", seconds=90)
        with pytest.raises(errors.FloodError):
            await client(functions.users.GetUsersRequest([types.InputUserSelf()]))


async def test_a_forgotten_key_ends_the_connection(telegram: Emulator, session: Session) -> None:
    async with telethon(telegram, session) as client:
        telegram.fault("forget")
        with pytest.raises((errors.AuthKeyNotFound, ConnectionError)):
            await client(functions.users.GetUsersRequest([types.InputUserSelf()]))


async def test_a_second_copy_of_a_session_ends_both(telegram: Emulator, session: Session) -> None:
    async with telethon(telegram, session) as first:
        await first.get_me()
        second = TelegramClient(session_at(session), 1, "x", connection_retries=1)
        with pytest.raises(errors.AuthKeyDuplicatedError):
            await second.connect()
        await second.disconnect()
        with pytest.raises(errors.AuthKeyDuplicatedError):
            await first.get_me()
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (1, 1)


async def test_reconnecting_is_not_punished(telegram: Emulator, session: Session) -> None:
    """Each time with a new session id, right after the old connection was closed."""
    async with telethon(telegram, session) as client:
        for _ in range(10):
            await client.get_me()
            await client.disconnect()
            await client.connect()
        for _ in range(5):
            telegram.fault("close")
            await client.get_me()
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 0)


async def test_a_lost_line_is_mended_and_the_call_carried_out(telegram: Emulator, session: Session) -> None:
    async with telethon(telegram, session) as client:
        telegram.fault("drop-before", method="messages.sendMessage")
        sent = await client.send_message("me", "through")
        assert [message.id async for message in client.iter_messages("me")] == [sent.id]


async def test_other_data_centers_are_reached_by_an_exported_authorization(
    telegram: Emulator, session: Session
) -> None:
    async with telethon(telegram, session) as client:
        sender = await client._borrow_exported_sender(4)
        nearest = await client._call(sender, functions.help.GetNearestDcRequest())
        await client.get_me()
        await client._return_exported_sender(sender)
        assert nearest.this_dc == 4
        await client._clean_exported_senders()
    assert (telegram.stats.handshakes, telegram.stats.duplicated, telegram.stats.overlap) == (1, 0, 0)
    assert len(telegram.authorizations(session.user.id)) == 1


async def test_messages_arrive_live(telegram: Emulator, session: Session) -> None:
    async with telethon(telegram, session) as client:
        await client.get_me()
        heard: asyncio.Queue[str] = asyncio.Queue()
        client.add_event_handler(lambda event: heard.put(event.raw_text), events.NewMessage(incoming=True))
        telegram.send("9996621234", "good morning", count=3)
        async with asyncio.timeout(30):
            assert [await heard.get() for _ in range(3)] == ["good morning"] * 3


async def test_a_client_survives_an_outage(telegram: Emulator, session: Session) -> None:
    """Stopped and started again, it is the same Telegram on the same ports."""
    async with telethon(telegram, session, connection_retries=None) as client:
        await client.get_me()
        await telegram.stop()
        await telegram.start()
        assert (await client.get_me()).id == session.user.id
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 0)


async def test_a_session_of_one_emulator_means_nothing_on_another(telegram: Emulator, session: Session) -> None:
    async with Emulator() as other:
        trust(other)
        found = session_at(session)
        found.set_dc(2, "127.0.0.1", other.network.dc(2).port)
        client = TelegramClient(found, 1, "x", connection_retries=1)
        with pytest.raises((errors.AuthKeyNotFound, ConnectionError)):
            await client.connect()
        await client.disconnect()
