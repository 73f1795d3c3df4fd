"""What a grant allows and hides, over the wire: by stock clients, live, and afterwards."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from telethon import TelegramClient, errors, functions, types

from emulator.stock import QUICK, session_at, trust
from gateway.house import Ear, House
from mtproto.client import RawClient, Refused
from telekeep.gateway.peers import SERVICE_CHAT
from telekeep.gateway.redact import HIDDEN
from upstream.place import PHONE, until


async def test_read_only_reads_and_hears_and_changes_nothing(house: House) -> None:
    bob = house.bob()
    number = house.writes(bob, "hello")
    asked = len(house.log)
    async with house.stock(grant="read-only") as client:
        ear = Ear(client)
        assert [each.text async for each in client.iter_messages("bob")] == ["hello"]
        attempts: list[Any] = [
            client.send_message("me", "hello"),
            client.send_file("me", b"a file"),
            client.edit_message("me", 1, "hello"),
            client.delete_messages("me", [1]),
            client.send_read_acknowledge("bob", max_id=number),
            client(functions.account.UpdateStatusRequest(offline=False)),
            client(functions.messages.SetTypingRequest("bob", types.SendMessageTypingAction())),
            client(functions.messages.GetMessagesViewsRequest("bob", [number], increment=True)),
            client(functions.account.InitTakeoutSessionRequest(contacts=True)),
        ]
        for attempt in attempts:
            with pytest.raises(errors.ForbiddenError, match="NOT_GRANTED") as told:
                await attempt
            assert told.value.code == 403
        house.writes(bob, "news")
        await until(lambda: ear.texts == ["news"])
        with pytest.raises(errors.ForbiddenError, match=r"NOT_GRANTED_messages\.sendMessage"):
            await client.send_message("me", "hello")
    changes = {name for name in house.log[asked:] if not name.partition(".")[2].startswith(("get", "resolve"))}
    assert not changes
    assert house.ada.box.dialogs[next(peer for peer in house.ada.box.dialogs if peer.id == bob.id)].unread == 2


async def test_archive_takes_out_and_does_not_send(house: House) -> None:
    async with house.stock(grant="archive") as client:
        me = (await client.get_dialogs(limit=1))[0].input_entity
        async with client.takeout(contacts=True, users=True) as takeout:
            assert await takeout.get_messages(me, limit=None)
            with pytest.raises(errors.ForbiddenError, match="NOT_GRANTED"):
                await takeout(functions.messages.SendMessageRequest(me, "hello", random_id=1))
        with pytest.raises(errors.ForbiddenError, match="NOT_GRANTED"):
            await client.send_message("me", "hello")
    assert house.log.count("account.initTakeoutSession") == house.log.count("account.finishTakeoutSession") == 1
    assert "messages.sendMessage" not in house.log


async def test_a_list_allows_what_it_names_and_who_am_i(house: House) -> None:
    async with house.stock(grant="messages.getDialogs,contacts.*") as client, house.stock() as other:
        ears = Ear(client), Ear(other)
        assert (await client.get_me()).id == house.ada.id
        assert await client.get_dialogs()
        assert await client(functions.contacts.GetContactsRequest(0))
        for refused in (client.get_messages("me"), client(functions.users.GetFullUserRequest("me"))):
            with pytest.raises(errors.ForbiddenError, match="NOT_GRANTED"):
                await refused
        house.arrive("not for it")
        await until(lambda: len(ears[1]) == 1)
        await client.get_dialogs()
        assert len(ears[0]) == 0  # updates hold what others write


async def test_a_grant_is_the_loans_whatever_a_program_says_it_is(house: House) -> None:
    async with house.stock(grant="read-only", device_model="telekeep", app_version="full") as client:
        with pytest.raises(errors.ForbiddenError):
            await client.send_message("me", "hello")


# ---- the chat that login codes come in


def _service(house: House) -> Any:
    """Telegram's own account, that writes login codes."""
    return house.telegram.add_account(bot_token=f"{SERVICE_CHAT}:letters", first_name="Telegram")


def _told(client: RawClient) -> bytes:
    return b"".join(each.body for each in client.seen)


async def test_what_the_service_chat_writes_reaches_no_borrower(house: House) -> None:
    service, path = _service(house), house.file(house.lend())
    async with house.stock(path) as away:
        await away.get_me()
    house.writes(service, "Login code: 11111")
    async with house.stock() as client, await house.raw() as raw:
        ear = Ear(client)
        number = house.writes(service, "Login code: 22222")
        house.arrive("the end")
        await until(lambda: "the end" in ear.texts)
        assert ear.texts == ["the end"]

        dialogs = {each.id: each.message.text async for each in client.iter_dialogs()}
        assert dialogs[SERVICE_CHAT] == HIDDEN  # that it is there may be seen
        with pytest.raises(errors.ForbiddenError, match="NOT_GRANTED_SERVICE_CHAT"):
            await client.get_messages(SERVICE_CHAT)
        assert (await client.get_messages(None, ids=number)).text == HIDDEN
        with pytest.raises(errors.ForbiddenError, match="NOT_GRANTED_SERVICE_CHAT"):
            await client.forward_messages("me", number, SERVICE_CHAT)

        requests = [
            functions.messages.GetDialogsRequest(0, 0, types.InputPeerEmpty(), 100, 0),
            functions.messages.GetMessagesRequest([types.InputMessageID(number)]),
            functions.updates.GetDifferenceRequest(pts=9, date=datetime.now(UTC), qts=0),
        ]
        for request in requests:
            await raw.call(request)
        hidden = functions.messages.GetHistoryRequest(types.InputPeerUser(SERVICE_CHAT, 0), 0, None, 0, 10, 0, 0, 0)
        with pytest.raises(Refused, match="NOT_GRANTED_SERVICE_CHAT"):
            await raw.call(hidden)
        await raw.ping()
        assert b"Login code" not in _told(raw)
    away, ear = house.back(path)
    async with away:
        house.arrive("now")
        await until(lambda: "now" in ear.texts)
        assert ear.texts == ["the end", "now"]


async def test_a_login_code_that_telegram_sends_to_the_owner_is_for_no_borrower(house: House) -> None:
    trust(house.telegram)
    async with house.stock() as client, await house.raw() as raw:
        heard: list[Any] = []

        async def hear(update: Any) -> None:
            heard.append(update)

        client.add_event_handler(hear)
        thief = TelegramClient(session_at(house.telegram.network.first_dc), 1, "0" * 32, **QUICK)
        await thief.connect()
        try:
            await thief.send_code_request(PHONE)
        finally:
            await thief.disconnect()
        house.codes = 1
        code = house.telegram.world.login_code(PHONE)
        house.arrive("the end")
        await until(lambda: any(isinstance(each, types.UpdateNewMessage) for each in heard))
        await raw.ping()
        assert code.encode() not in _told(raw)
        assert not any(isinstance(each, types.UpdateServiceNotification) for each in heard)
        assert not any(code in str(each) for each in heard)


async def test_the_journal_keeps_no_login_code(house: House) -> None:
    service = _service(house)
    house.writes(service, "Login code: 33333")
    await until(lambda: house.owner.journal.now(None) == house.ada.box.pts)
    await house.close()
    files = [each for each in (house.place.root / "home").rglob("*") if each.is_file()]
    assert files
    await house.open()
    assert not any(b"33333" in entry.body for entry in house.owner.journal.after(0))
