"""Stock clients in channels and supergroups: what programs do there, and what they hear."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from telethon import TelegramClient, errors, events, functions, types
from telethon.sessions import SQLiteSession

from emulator.pictures import jpeg
from emulator.stock import QUICK, session_at, telethon, trust
from telekeep.emulator import Emulator
from telekeep.emulator.world import Account
from telekeep.emulator.world.channel import Channel
from telekeep.session.model import Session
from telekeep.testing.fakes import ManualClock
from upstream.place import until


@pytest.fixture
def bob(telegram: Emulator) -> Account:
    return telegram.add_account("9996625678", first_name="Bob", username="bobby")


@pytest.fixture
def club(telegram: Emulator, ada: Account, bob: Account) -> Channel:
    return telegram.add_channel("Club", username="the_club", broadcast=False, messages=250, members=[bob], creator=ada)


def heard(client: Any) -> list[tuple[Any, ...]]:
    """What a client's handlers are told, in order."""
    found: list[tuple[Any, ...]] = []

    async def new(event: Any) -> None:
        found.append(("new", event.id, event.raw_text))

    async def edited(event: Any) -> None:
        found.append(("edited", event.id, event.raw_text))

    async def deleted(event: Any) -> None:
        found.extend(("deleted", each) for each in event.deleted_ids)

    async def read(event: Any) -> None:
        found.append(("read", event.max_id, event.inbox))

    for take, kind in (
        (new, events.NewMessage),
        (edited, events.MessageEdited),
        (deleted, events.MessageDeleted),
        (read, events.MessageRead),
        (read, events.MessageRead(inbox=True)),
    ):
        client.add_event_handler(take, kind)
    return found


async def test_a_program_reads_writes_and_looks_around(telegram: Emulator, session: Session, club: Channel) -> None:
    async with telethon(telegram, session) as client:
        messages = [each async for each in client.iter_messages("https://t.me/the_club")]
        assert [each.id for each in messages] == list(range(250, 0, -1))
        dialog = (await client.get_dialogs())[0]
        assert (dialog.title, dialog.is_group, dialog.is_channel) == ("Club", True, True)
        people = await client.get_participants("the_club")
        assert {each.first_name for each in people} >= {"Ada", "Bob"}
        sent = await client.send_message("the_club", "frist")
        assert (await sent.edit("first")).text == "first"
        on = await sent.forward_to("me")
        assert on.fwd_from.from_id.user_id == sent.sender_id
        album = await client.send_file("the_club", [jpeg(10, 10), jpeg(11, 11)])
        assert len({each.grouped_id for each in album}) == 1
        files = await client.get_messages("the_club", limit=None, filter=types.InputMessagesFilterDocument)
        assert [each.id for each in files] == [each.id for each in reversed(album)]
        assert (await client.get_messages("the_club", ids=[sent.id, 9999]))[1] is None
        assert {each.id async for each in client.iter_messages(None, search="first")} == {on.id, sent.id}
        await client.delete_messages("the_club", [sent.id])
        assert await client.get_messages("the_club", ids=sent.id) is None
        assert (await client.send_message(dialog.entity, "by entity")).id == club.box.last_id


async def test_handlers_hear_what_others_do(telegram: Emulator, session: Session, bob: Account, club: Channel) -> None:
    async with telethon(telegram, session) as client, telethon(telegram, telegram.mint(bob)) as bobs:
        await client.get_me()
        found = heard(client)
        sent = await bobs.send_message("the_club", "frist")
        await sent.edit("first")
        await sent.delete()
        mine = await client.send_message("the_club", "mine")
        await bobs.send_read_acknowledge("the_club")
        await bobs.send_file("the_club", [jpeg(10, 10), jpeg(11, 11)])
        await until(lambda: len(found) == 6)
    assert found[:4] == [
        ("new", sent.id, "frist"),
        ("edited", sent.id, "first"),
        ("deleted", sent.id),
        ("read", mine.id, False),
    ]


async def test_a_program_that_was_away_catches_up_on_new_messages(
    telegram: Emulator, session: Session, club: Channel, tmp_path: Any
) -> None:
    """Edits and deletions of a difference Telethon takes for old: it believes the new pts first."""
    known, stored = session_at(session), SQLiteSession(str(tmp_path / "ada"))
    stored.set_dc(known.dc_id, known.server_address, known.port)
    stored.auth_key = known.auth_key
    stored.save()
    stored.close()
    trust(telegram)
    kind: Any = type("Client", (TelegramClient,), {"_config": None})
    async with kind(str(tmp_path / "ada"), 1, "0" * 32, **QUICK) as client:
        found = heard(client)
        telegram.post(club, "before")
        await until(lambda: found)
    missed = [telegram.post(club, f"missed {number}") for number in range(150)]
    client = kind(str(tmp_path / "ada"), 1, "0" * 32, catch_up=True, sequential_updates=True, **QUICK)
    found = heard(client)
    async with client:
        await until(lambda: len(found) == 150)
    assert [each[1] for each in found] == missed


async def test_slow_mode_says_how_long() -> None:
    async with Emulator(clock=ManualClock(wall=time.time())) as telegram:
        ada, bob = telegram.add_account("9996621234"), telegram.add_account("9996625678")
        telegram.add_channel("Club", username="the_club", broadcast=False, members=[bob], creator=ada, slow_mode=30)
        async with telethon(telegram, telegram.mint(bob)) as client:
            await client.send_message("the_club", "one")
            telegram.advance(2)
            with pytest.raises(errors.SlowModeWaitError) as slow:
                await client.send_message("the_club", "two")
            assert slow.value.seconds == 28


async def test_a_program_joins_and_leaves(telegram: Emulator, club: Channel) -> None:
    eve = telegram.add_account("9996627777", first_name="Eve")
    async with telethon(telegram, telegram.mint(eve)) as client:
        await client(functions.messages.ImportChatInviteRequest(club.invite))
        found = heard(client)
        number = telegram.post(club, "welcome")
        await until(lambda: found == [("new", number, "welcome")])
        await client(functions.channels.LeaveChannelRequest("the_club"))
        telegram.post(club, "gone")
        await client.get_me()
        await asyncio.sleep(0)
        assert len(found) == 1
