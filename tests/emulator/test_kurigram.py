"""A judge of other descent: kurigram, which shares no line with Telethon or with us, signs on and reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mtproto.handshake import public_numbers
from telekeep.emulator import Emulator

pytestmark = pytest.mark.judge

PHONE = "9996621234"


@asynccontextmanager
async def kurigram(telegram: Emulator, **options: Any) -> AsyncIterator[Any]:
    """A connected client that finds the emulator where Telegram would be."""
    pyrogram = pytest.importorskip("pyrogram")
    from pyrogram.connection import Connection
    from pyrogram.crypto import rsa

    n, e = public_numbers(telegram.network.keys[0])
    rsa.server_public_keys[telegram._server_key.fingerprint] = rsa.PublicKey(n, e)

    class Redirected(Connection):
        def __init__(self, dc_id: int, **more: Any) -> None:
            wanted = [each for each in telegram.network.addresses if each.dc_id == dc_id]
            address = next((each for each in wanted if each.media == more.get("media")), wanted[0])
            super().__init__(dc_id=dc_id, **(more | {"server_address": address.host, "port": address.port}))

    client = pyrogram.Client(
        "judge", api_id=1, api_hash="0" * 32, in_memory=True, connection_factory=Redirected, **options
    )
    client.sleep_threshold = 0
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


async def test_it_makes_a_key_signs_in_and_reads_history(telegram: Emulator) -> None:
    account = telegram.add_account(PHONE, first_name="Ada", password="correct horse", messages=25)
    async with kurigram(telegram) as client:
        pyrogram = pytest.importorskip("pyrogram")
        sent = await client.send_code(PHONE)
        with pytest.raises(pyrogram.errors.SessionPasswordNeeded):
            await client.sign_in(PHONE, sent.phone_code_hash, telegram.world.login_code(PHONE))
        me = await client.check_password("correct horse")
        assert (me.id, me.first_name) == (account.id, "Ada")
        read = 0
        async for dialog in client.get_dialogs():
            async for message in client.get_chat_history(dialog.chat.id):
                read += bool(message.text)
    assert read == 25
    assert (telegram.stats.handshakes, telegram.stats.logins) == (1, 1)
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 0)


async def test_it_reads_writes_and_hears_in_a_supergroup(telegram: Emulator) -> None:
    ada = telegram.add_account(PHONE, first_name="Ada")
    bob = telegram.add_account("9996625678", first_name="Bob")
    club = telegram.add_channel(
        "Club", username="the_club", broadcast=False, messages=120, members=[ada, bob], creator=bob
    )
    async with kurigram(telegram) as client:
        pyrogram = pytest.importorskip("pyrogram")
        sent = await client.send_code(PHONE)
        await client.sign_in(PHONE, sent.phone_code_hash, telegram.world.login_code(PHONE))
        assert [each.id async for each in client.get_chat_history("the_club")] == list(range(120, 0, -1))
        assert {each.user.first_name async for each in client.get_chat_members("the_club")} >= {"Ada", "Bob"}
        mine = await client.send_message("the_club", "frist")
        assert (await mine.edit_text("first")).text == "first"
        assert (await client.search_messages("the_club", query="first").__anext__()).id == mine.id
        assert (await mine.forward("me")).forward_origin.sender_user.id == ada.id
        await mine.delete()
        assert club.box.message(mine.id) is None
        with pytest.raises(pyrogram.errors.ChannelPrivate406):
            telegram.world.broadcasting.ban(club, ada)
            await client.send_message("the_club", "still there?")
