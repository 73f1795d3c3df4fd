"""Stock Telethon, over TCP, against the whole emulator."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from telethon import errors, events, functions, types

from emulator.services.conftest import Connect
from telekeep.emulator import Emulator

ADA, BOB, ON_4 = "9996621234", "9996625678", "9996641234"


async def arrive(queue: asyncio.Queue[Any], count: int) -> list[Any]:
    async with asyncio.timeout(30):
        return [await queue.get() for _ in range(count)]


def listen(client: Any, what: Any) -> asyncio.Queue[Any]:
    queue: asyncio.Queue[Any] = asyncio.Queue()

    async def put(event: Any) -> None:
        queue.put_nowait(event)

    client.add_event_handler(put, what)
    return queue


async def test_a_login_by_code_and_password(telegram: Emulator, connect: Connect) -> None:
    account = telegram.add_account(ADA, password="correct horse", first_name="Ada")
    client = await connect()
    await client.send_code_request(ADA)
    with pytest.raises(errors.PhoneCodeInvalidError):
        await client.sign_in(ADA, "11111")
    with pytest.raises(errors.SessionPasswordNeededError):
        await client.sign_in(ADA, "22222")
    with pytest.raises(errors.PasswordHashInvalidError):
        await client.sign_in(password="wrong")
    assert (await client.sign_in(password="correct horse")).id == account.id
    assert (await client.get_me()).first_name == "Ada"
    assert (telegram.stats.codes_sent, telegram.stats.logins, telegram.stats.handshakes) == (1, 1, 1)


async def test_a_login_follows_its_number_to_another_data_center(telegram: Emulator, connect: Connect) -> None:
    telegram.add_account(ON_4)
    client = await connect(dc=2)
    await client.send_code_request(ON_4)
    assert (await client.sign_in(ON_4, "44444")).phone == ON_4
    assert client.session.dc_id == 4
    assert telegram.stats.handshakes == 2


async def test_a_number_without_an_account_is_unoccupied(telegram: Emulator, connect: Connect) -> None:
    client = await connect()
    await client.send_code_request(ADA)
    with pytest.raises(errors.PhoneNumberUnoccupiedError):
        await client.sign_in(ADA, "22222")


async def test_a_code_told_to_a_friend_expires(telegram: Emulator, connect: Connect) -> None:
    account = telegram.add_account(ADA, messages=3)
    phone = await connect(telegram.mint(account))
    told = listen(phone, events.Raw(types.UpdateServiceNotification))
    client = await connect()
    sent = await client.send_code_request(ADA)
    assert isinstance(sent.type, types.auth.SentCodeTypeApp)
    assert "22222" in (await arrive(told, 1))[0].message
    [dialog] = await phone.get_dialogs(limit=1)
    await phone.send_message(dialog.input_entity, "my code is 22222")
    with pytest.raises(errors.PhoneCodeExpiredError):
        await client.sign_in(ADA, "22222")


async def test_a_qr_login_crosses_data_centers(telegram: Emulator, connect: Connect) -> None:
    account = telegram.add_account(ON_4)
    phone, waiting = await connect(telegram.mint(account)), await connect(dc=2)
    qr = await waiting.qr_login()
    done = asyncio.create_task(qr.wait(timeout=30))
    await asyncio.sleep(0)  # wait() listens from its first step on
    await phone(functions.auth.AcceptLoginTokenRequest(token=qr.token))
    assert (await done).id == account.id
    assert len(telegram.authorizations(account)) == 2


async def test_a_bot_logs_in_with_its_token_and_answers(telegram: Emulator, connect: Connect) -> None:
    bot = telegram.add_account(bot_token="77:secret", username="marvin_bot")
    account = telegram.add_account(ADA)
    marvin = await connect()
    await marvin.sign_in(bot_token="77:secret")
    asked = listen(marvin, events.NewMessage(incoming=True))
    client = await connect(telegram.mint(account))
    answered = listen(client, events.NewMessage(incoming=True))
    await client.send_message("marvin_bot", "life?")
    [question] = await arrive(asked, 1)
    await question.reply("42")
    [answer] = await arrive(answered, 1)
    assert (answer.text, answer.sender_id, answer.is_reply) == ("42", bot.id, True)


@pytest.mark.parametrize("messages", [0, 1, 250])
async def test_going_through_all_dialogs_yields_every_message_once(
    telegram: Emulator, connect: Connect, messages: int
) -> None:
    account = telegram.add_account(ADA, messages=messages)
    client = await connect(telegram.mint(account))
    seen: list[int] = []
    async for dialog in client.iter_dialogs():
        forth = [message.id async for message in client.iter_messages(dialog)]
        back = [message.id async for message in client.iter_messages(dialog, reverse=True)]
        assert forth == sorted(forth, reverse=True) and back == forth[::-1]
        seen += forth
    assert sorted(seen) == list(range(1, messages + 1))


async def test_live_messages_arrive_once_each_and_in_order(telegram: Emulator, connect: Connect) -> None:
    account = telegram.add_account(ADA)
    client = await connect(telegram.mint(account), sequential_updates=True)
    got = listen(client, events.NewMessage(incoming=True))
    for number in range(20):
        telegram.send(ADA, f"{number}")
    assert [event.text for event in await arrive(got, 20)] == [str(number) for number in range(20)]
    before = telegram.stats.rpc
    await client.get_me()
    assert telegram.stats.rpc == before + 1, "a gap was suspected: the client asked for a difference"
    assert got.empty()


async def test_what_was_missed_is_caught_up_on(telegram: Emulator, connect: Connect) -> None:
    account = telegram.add_account(ADA)
    client = await connect(telegram.mint(account))
    seen = listen(client, events.NewMessage(incoming=True))
    telegram.send(ADA, "seen")
    await arrive(seen, 1)
    await client.disconnect()
    telegram.send(ADA, "missed", count=150)
    again = await connect(client.session, catch_up=True)
    got = listen(again, events.NewMessage(incoming=True))
    assert {event.text for event in await arrive(got, 150)} == {"missed"}
    await again.get_me()
    assert got.empty()


async def test_two_people_talk_and_each_device_sees_it(telegram: Emulator, connect: Connect) -> None:
    ada, bob = telegram.add_account(ADA, username="ada"), telegram.add_account(BOB, username="bob")
    phone, laptop, his = [await connect(telegram.mint(who)) for who in (ada, ada, bob)]
    sent_elsewhere = listen(laptop, events.NewMessage(outgoing=True))
    received = listen(his, events.NewMessage(incoming=True))
    read = listen(phone, events.MessageRead(inbox=False))
    sent = await phone.send_message("bob", "**hello**")
    assert (await arrive(sent_elsewhere, 1))[0].id == sent.id
    [message] = await arrive(received, 1)
    assert (message.text, message.sender_id) == ("**hello**", ada.id)
    await message.mark_read()
    [seen] = await arrive(read, 1)
    assert seen.max_id == sent.id


async def test_a_group_is_founded_and_spoken_in(telegram: Emulator, connect: Connect) -> None:
    ada, bob = telegram.add_account(ADA), telegram.add_account(BOB, username="bob", first_name="Bob")
    hers, his = await connect(telegram.mint(ada)), await connect(telegram.mint(bob))
    received = listen(his, events.NewMessage(incoming=True))
    await hers(functions.messages.CreateChatRequest(users=["bob"], title="Club"))
    [club] = await hers.get_dialogs(limit=1)
    assert club.title == "Club"
    for text in ("one", "two"):
        await hers.send_message(club.input_entity, text)
    assert [event.text for event in await arrive(received, 2)] == ["one", "two"]
    assert {user.first_name for user in await hers.get_participants(club.entity)} == {ada.first_name, "Bob"}


async def test_the_same_random_id_over_the_wire_is_one_message(telegram: Emulator, connect: Connect) -> None:
    account = telegram.add_account(ADA)
    client = await connect(telegram.mint(account))
    request = functions.messages.SendMessageRequest(peer="me", message="once", random_id=7)
    first, again = await client(request), await client(request)
    assert first.updates[0].id == again.updates[0].id
    assert len(await client.get_messages("me")) == 1


async def test_a_hash_of_another_login_is_refused_over_the_wire(telegram: Emulator, connect: Connect) -> None:
    account = telegram.add_account(ADA, messages=3)
    one, other = await connect(telegram.mint(account)), await connect(telegram.mint(account))
    [dialog] = await one.get_dialogs(limit=1)
    with pytest.raises(errors.PeerIdInvalidError):
        await other(functions.messages.GetHistoryRequest(dialog.input_entity, 0, None, 0, 1, 0, 0, 0))


async def test_logging_out_ends_this_login_only(telegram: Emulator, connect: Connect) -> None:
    account = telegram.add_account(ADA)
    one, other = await connect(telegram.mint(account)), await connect(telegram.mint(account))
    assert await one.log_out()
    assert len(telegram.authorizations(account)) == 1
    assert (await other.get_me()).id == account.id


async def test_a_device_is_ended_by_another_that_is_old_enough(telegram: Emulator, connect: Connect) -> None:
    account = telegram.add_account(ADA)
    old, other = await connect(telegram.mint(account)), await connect(telegram.mint(account))
    listed = (await old(functions.account.GetAuthorizationsRequest())).authorizations
    [number] = [each.hash for each in listed if not each.current]
    request = functions.account.ResetAuthorizationRequest(hash=number)
    with pytest.raises(errors.FreshResetAuthorisationForbiddenError):
        await old(request)
    telegram.advance(86_400)
    assert await old(request)
    with pytest.raises(errors.SessionRevokedError):
        await other(functions.updates.GetStateRequest())


async def test_a_password_set_by_a_client_is_needed_by_the_next(telegram: Emulator, connect: Connect) -> None:
    account = telegram.add_account(ADA)
    client = await connect(telegram.mint(account))
    assert await client.edit_2fa(new_password="correct horse", hint="horse")
    fresh = await connect()
    await fresh.send_code_request(ADA)
    with pytest.raises(errors.SessionPasswordNeededError):
        await fresh.sign_in(ADA, "22222")
    assert (await fresh.sign_in(password="correct horse")).id == account.id
    assert await client.edit_2fa(current_password="correct horse", new_password=None)


async def test_six_codes_in_a_day_flood(telegram: Emulator, connect: Connect) -> None:
    telegram.add_account(ADA)
    for _ in range(5):
        await (await connect()).send_code_request(ADA)
    late = await connect()
    with pytest.raises(errors.FloodWaitError) as caught:
        await late.send_code_request(ADA)
    assert 3_600 <= caught.value.seconds <= 86_400
    with pytest.raises(errors.PhoneNumberFloodError):
        await (await connect()).send_code_request(ADA)
    telegram.advance(86_400)
    assert await (await connect()).send_code_request(ADA)


async def test_a_login_taken_abroad_is_imported_once(telegram: Emulator, connect: Connect) -> None:
    account = telegram.add_account(ADA)
    client, abroad = await connect(telegram.mint(account)), await connect(dc=4)
    exported = await client(functions.auth.ExportAuthorizationRequest(dc_id=4))
    request = functions.auth.ImportAuthorizationRequest(id=exported.id, bytes=exported.bytes)
    assert (await abroad(request)).user.id == account.id
    with pytest.raises(errors.AuthBytesInvalidError):
        await abroad(request)
    assert len(telegram.authorizations(account)) == 1


async def test_edits_and_deletions_arrive_on_the_other_side(telegram: Emulator, connect: Connect) -> None:
    ada, bob = telegram.add_account(ADA), telegram.add_account(BOB, username="bob")
    hers, his = await connect(telegram.mint(ada)), await connect(telegram.mint(bob))
    edited, deleted = listen(his, events.MessageEdited()), listen(his, events.MessageDeleted())
    sent = await hers.send_message("bob", "helo")
    assert (await hers.edit_message("bob", sent.id, "hello")).text == "hello"
    [event] = await arrive(edited, 1)
    assert (event.text, event.sender_id) == ("hello", ada.id)
    with pytest.raises(errors.MessageNotModifiedError):
        await hers.edit_message("bob", sent.id, "hello")
    with pytest.raises(errors.MessageAuthorRequiredError):
        await event.edit("mine now")
    await hers.delete_messages("bob", [sent.id])
    [gone] = await arrive(deleted, 1)
    assert gone.deleted_ids == [event.id]
    assert not await his.get_messages(ada.id)


async def test_edits_and_deletions_are_in_the_difference(telegram: Emulator, connect: Connect) -> None:
    """Asked for by hand: Telethon's own update loop drops whatever of a difference has a pts and is no new message."""
    ada, bob = telegram.add_account(ADA), telegram.add_account(BOB, username="bob")
    hers, his = await connect(telegram.mint(ada)), await connect(telegram.mint(bob))
    one, two = await hers.send_message("bob", "one"), await hers.send_message("bob", "two")
    state = await his(functions.updates.GetStateRequest())
    await hers.edit_message("bob", one.id, "uno")
    await hers.delete_messages("bob", [two.id])
    missed = await his(functions.updates.GetDifferenceRequest(pts=state.pts, date=state.date, qts=0))
    edited, deleted = missed.other_updates
    assert (edited.message.message, edited.pts, edited.pts_count) == ("uno", state.pts + 1, 1)
    assert (deleted.messages, deleted.pts, deleted.pts_count) == ([2], state.pts + 2, 1)
    assert missed.state.pts == state.pts + 2


async def test_typing_and_reactions_are_seen_live(telegram: Emulator, connect: Connect) -> None:
    ada, bob = telegram.add_account(ADA), telegram.add_account(BOB, username="bob")
    hers, his = await connect(telegram.mint(ada)), await connect(telegram.mint(bob))
    reactions = listen(hers, events.Raw(types.UpdateMessageReactions))
    received = listen(his, events.NewMessage(incoming=True))
    sent = await hers.send_message("bob", "hello")
    [message] = await arrive(received, 1)
    typing = listen(his, events.UserUpdate())
    async with hers.action("bob", "typing"):
        [event] = await arrive(typing, 1)
    assert event.typing and event.user_id == ada.id
    request = functions.messages.SendReactionRequest(
        await message.get_input_chat(), message.id, reaction=[types.ReactionEmoji("🎉")]
    )
    await his(request)
    [update] = await arrive(reactions, 1)
    assert (update.msg_id, update.reactions.results[0].reaction.emoticon) == (sent.id, "🎉")
