"""A client of other descent: kurigram shares no code with Telethon, whose schema the emulator is built on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from telethon.crypto import rsa as telethon_rsa

from telekeep.emulator import Emulator

pytestmark = [
    pytest.mark.judge,  # it speaks the newest layer only
    pytest.mark.filterwarnings("default"),  # of its own and of its dependencies
]

ADA = "9996621234"


@pytest.fixture
async def kurigram(telegram: Emulator, tmp_path: Path) -> AsyncIterator[Callable[[], Any]]:
    """Makes clients whose key comes from a handshake of their own, and who can reach loopback only."""
    import pyrogram
    from pyrogram.connection import Connection
    from pyrogram.crypto import rsa
    from pyrogram.session import Auth

    telethon_rsa.add_key(telegram.network.keys[0], old=False)
    for fingerprint, (key, _) in telethon_rsa._server_keys.items():
        rsa.server_public_keys.setdefault(fingerprint, rsa.PublicKey(m=key.n, e=key.e))

    def loopback_only(*args: Any, **options: Any) -> Any:
        assert options["server_address"] == "127.0.0.1", "kurigram turned to the world outside"
        return Connection(*args, **options)

    place = telegram.network.dc(2)
    opened: list[Any] = []

    async def make() -> Any:
        name = f"client{len(opened)}"
        client = pyrogram.Client(name, api_id=1, api_hash="any", workdir=str(tmp_path))
        client.connection_factory = loopback_only
        storage = client.storage
        auth = Auth(client, place.id, place.host, place.port, False)
        key = await auth.create()
        await storage.open()
        for field, value in {
            "api_id": 1,
            "dc_id": place.id,
            "server_address": place.host,
            "port": place.port,
            "test_mode": False,
            "date": 0,
            "auth_key": key,
            "user_id": 0,
            "is_bot": False,
        }.items():
            await getattr(storage, field)(value)
        await storage.save()
        await storage.close()
        opened.append(client)
        return client

    yield make
    for client in opened:
        if client.is_connected:
            await (client.stop() if client.is_initialized else client.disconnect())


async def logged_in(client: Any, password: str | None = None) -> Any:
    from pyrogram.errors import SessionPasswordNeeded

    await client.connect()
    sent = await client.send_phone_number_code(ADA)
    try:
        await client.sign_in(ADA, sent.phone_code_hash, "22222")
    except SessionPasswordNeeded:
        assert password is not None
        await client.check_password(password)
    await client.disconnect()
    await client.start()
    return client


async def test_kurigram_signs_on_with_a_code_and_a_password(telegram: Emulator, kurigram: Callable[[], Any]) -> None:
    account = telegram.add_account(ADA, password="correct horse", first_name="Ada")
    client = await logged_in(await kurigram(), "correct horse")
    assert (client.me.id, client.me.first_name) == (account.id, "Ada")
    assert telegram.stats.logins == 1


async def test_kurigram_is_refused_a_wrong_password(telegram: Emulator, kurigram: Callable[[], Any]) -> None:
    from pyrogram.errors import PasswordHashInvalid

    telegram.add_account(ADA, password="correct horse")
    with pytest.raises(PasswordHashInvalid):
        await logged_in(await kurigram(), "wrong")


async def test_kurigram_reads_every_message_of_every_dialog(telegram: Emulator, kurigram: Callable[[], Any]) -> None:
    telegram.add_account(ADA, messages=250)
    client = await logged_in(await kurigram())
    seen = [
        message.id async for dialog in client.get_dialogs() async for message in client.get_chat_history(dialog.chat.id)
    ]
    assert sorted(seen) == list(range(1, 251))


async def test_kurigram_hears_live_messages_and_answers(telegram: Emulator, kurigram: Callable[[], Any]) -> None:
    from pyrogram.handlers import MessageHandler

    account = telegram.add_account(ADA)
    client = await logged_in(await kurigram())
    heard: asyncio.Queue[Any] = asyncio.Queue()

    async def hear(_client: Any, message: Any) -> None:
        if not message.outgoing:
            heard.put_nowait(message)

    client.add_handler(MessageHandler(hear))
    telegram.send(ADA, "hello", count=3)
    async with asyncio.timeout(30):
        got = [await heard.get() for _ in range(3)]
    assert [message.text for message in got] == ["hello"] * 3
    answer = await client.send_message(got[0].chat.id, "hello yourself")
    assert account.box.message(answer.id).text == "hello yourself"
