"""What programs do with a session, done on a loan: by stock Telethon, and by what telekeep.client() returns."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from telethon import TelegramClient, errors, functions, types
from telethon.network import connection

from emulator.pictures import jpeg
from gateway.house import Ear, House, trust
from upstream.place import PHONE, Place, first_line, until

TRANSPORTS = (
    connection.ConnectionTcpFull,
    connection.ConnectionTcpAbridged,
    connection.ConnectionTcpIntermediate,
    connection.ConnectionTcpObfuscated,
)


@pytest.fixture(params=["stock", "borrowed"])
async def client(request: pytest.FixtureRequest, house: House) -> AsyncIterator[TelegramClient]:
    """A program on a loan, connected."""
    made = house.stock() if request.param == "stock" else house.borrower()
    async with made as client:
        yield client


async def test_a_program_knows_who_it_is(house: House, client: TelegramClient) -> None:
    me = await client.get_me()
    assert (me.id, me.first_name) == (house.ada.id, "Ada")
    assert await client.is_user_authorized()


async def test_a_program_reads_dialogs_and_messages(house: House, client: TelegramClient) -> None:
    texts = set()
    async for dialog in client.iter_dialogs():
        async for message in client.iter_messages(dialog.entity):
            texts.add(message.text)
    assert texts == {f"message {number}" for number in range(1, 9)}


async def test_a_program_sends_edits_and_deletes(house: House, client: TelegramClient) -> None:
    sent = await client.send_message("me", "first **words**")
    assert sent.text == "first **words**"
    edited = await client.edit_message("me", sent.id, "better words")
    assert (edited.id, edited.text) == (sent.id, "better words")
    assert (await client.get_messages("me", ids=sent.id)).text == "better words"
    await client.delete_messages("me", [sent.id])
    assert await client.get_messages("me", ids=sent.id) is None
    assert house.ada.box.message(sent.id) is None


async def test_a_program_marks_as_read(house: House, client: TelegramClient) -> None:
    bob = house.bob()
    house.writes(bob, "unread")
    assert (await client.get_dialogs(limit=1))[0].unread_count == 1
    assert await client.send_read_acknowledge("bob")
    assert (await client.get_dialogs(limit=1))[0].unread_count == 0


async def test_a_program_has_a_conversation(house: House, client: TelegramClient) -> None:
    bob = house.bob()
    async with client.conversation("bob", timeout=60) as conversation:
        question = await conversation.send_message("How are you?")
        answer = conversation.get_response()
        house.writes(bob, "Fine.")
        assert (await answer).text == "Fine."
        edit = conversation.get_edit()
        house.edits(house.ada.box.last_id, "Fine, thanks.")
        assert (await edit).text == "Fine, thanks."
    assert question.out


@pytest.mark.parametrize("size", [100, 700_000])
async def test_what_a_program_uploads_it_can_download(house: House, client: TelegramClient, size: int) -> None:
    data = secrets.token_bytes(size)
    sent = await client.send_file("me", data, caption="a file", force_document=True)
    assert await sent.download_media(bytes) == data


async def test_a_program_downloads_from_another_data_center(house: House, client: TelegramClient) -> None:
    trust()
    data = secrets.token_bytes(1_000_000)
    house.telegram.send_file(PHONE, data, dc=4)
    (message,) = await client.get_messages((await client.get_dialogs(limit=1))[0].entity, limit=1)
    assert await message.download_media(bytes) == data
    assert await message.download_media(bytes) == data  # over the same connection
    assert house.telegram.stats.handshakes <= 1  # of the owner's, at that data center


async def test_a_program_sends_an_album(house: House, client: TelegramClient) -> None:
    sent = await client.send_file("me", [jpeg(10, 10), jpeg(20, 20), jpeg(30, 30)], caption=["one", "two", "three"])
    assert [each.text for each in sent] == ["one", "two", "three"]
    assert len({each.grouped_id for each in sent}) == 1


async def test_a_program_takes_out(house: House, client: TelegramClient) -> None:
    async with client.takeout(users=True) as takeout:
        assert house.authorization.takeout_id is not None
        texts = [message.text async for message in takeout.iter_messages((await client.get_dialogs(limit=1))[0])]
        assert texts
    assert house.authorization.takeout_id is None


async def test_a_program_shows_that_it_types_and_reacts(house: House, client: TelegramClient) -> None:
    bob = house.bob()
    number = house.writes(bob, "look")
    async with client.action("bob", "typing"):
        await until(lambda: "messages.setTyping" in house.log)
    peer = await client.get_input_entity("bob")
    await client(functions.messages.SendReactionRequest(peer, number, reaction=[types.ReactionEmoji("👍")]))
    found = await client.get_messages("bob", ids=number)
    assert found.reactions.results[0].reaction.emoticon == "👍"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_loan_speaks_every_transport(house: House, transport: Any) -> None:
    async with house.stock(connection=transport) as client:
        ear = Ear(client)
        assert (await client.get_me()).id == house.ada.id
        data = secrets.token_bytes(200_000)
        assert await (await client.send_file("me", data, force_document=True)).download_media(bytes) == data
        house.arrive("over here")
        await until(lambda: ear.texts == ["over here"])


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_program_shakes_hands_at_another_data_center_over_every_transport(house: House, transport: Any) -> None:
    trust()
    house.telegram.send_file(PHONE, b"far away", dc=4)
    loan = house.lend()
    async with house.stock(loan, connection=transport) as client:
        (message,) = await client.get_messages((await client.get_dialogs(limit=1))[0].entity, limit=1)
        assert await message.download_media(bytes) == b"far away"
    assert len(house.owner.register.keys_of(loan)) == 2  # the loan's own, and the one that was made there


async def test_two_programs_share_one_loan(house: House) -> None:
    loan = house.lend()
    async with house.stock(loan) as one, house.stock(loan) as other:
        ears = Ear(one), Ear(other)
        await asyncio.gather(*(client.get_me() for client in (one, other) for _ in range(20)))
        await one.send_message("me", "from one")
        await other.send_message("me", "from the other")
        house.arrive("for both")
        await until(lambda: [ear.texts[-1:] for ear in ears] == [["for both"], ["for both"]])
        assert ears[0].texts == ["from the other", "for both"]
        assert ears[1].texts == ["from one", "for both"]
    await until(lambda: len(house.owner.borrowers()) == 0)


async def test_one_that_shares_a_loan_may_go_without_the_other(house: House) -> None:
    loan = house.lend()
    async with house.stock(loan) as one:
        async with house.stock(loan) as other:
            await other.get_me()
        assert (await one.get_me()).id == house.ada.id


async def test_many_programs_ask_at_once_over_one_connection_to_telegram(house: House) -> None:
    clients = [house.stock() for _ in range(10)]
    await asyncio.gather(*(client.connect() for client in clients))
    answers = await asyncio.gather(*(client.get_me() for client in clients for _ in range(20)))
    assert {each.id for each in answers} == {house.ada.id}
    assert house.telegram.stats.connections == 1


async def test_two_event_loops_in_two_threads_borrow_side_by_side(house: House) -> None:
    async def program(client: TelegramClient, name: str) -> list[str]:
        async with client:
            for number in range(5):
                await client.send_message("me", f"{name} {number}")
            return [message.text async for message in client.iter_messages("me", limit=100) if name in message.text]

    strings = [house.string(house.lend()) for _ in "ab"]
    threads = {}

    def run(name: str, string: str) -> list[str]:
        threads[name] = threading.get_ident()
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(_made_inside(string, lambda client: program(client, name)))
        finally:
            loop.close()

    async def _made_inside(string: str, then: Any) -> list[str]:
        return await then(house.stock(house.session(string)))

    found = await asyncio.gather(
        *(asyncio.to_thread(run, name, string) for name, string in zip("ab", strings, strict=True))
    )
    house.clients.clear()  # of other loops, and disconnected
    assert found == [[f"{name} {number}" for number in reversed(range(5))] for name in "ab"]
    assert len(set(threads.values())) == 2


SYNCHRONOUS = """
from telethon.sync import TelegramClient, functions
from telethon.sessions import StringSession

with TelegramClient(StringSession({string!r}), 1, "0" * 32) as client:
    print(client.get_me().first_name)
    sent = client.send_message("me", "from a script")
    print(client.get_messages("me", limit=1)[0].text, len(client.get_dialogs()))
    client.delete_messages("me", sent.id)
"""


async def test_a_synchronous_script_works_unchanged(house: House) -> None:
    code, out, err = await house.place.run(SYNCHRONOUS.format(string=house.string(house.lend())))
    assert (code, err) == (0, "")
    assert out.splitlines() == ["Ada", "from a script 5"]


ECHO = """
import asyncio
from telethon import TelegramClient, events
from telethon.sessions import StringSession

client = TelegramClient(StringSession({string!r}), 1, "0" * 32)

@client.on(events.NewMessage(incoming=True))
async def handler(event):
    await event.reply(event.text)
    if event.text == "stop":
        await client.disconnect()

client.start()
print("ready", flush=True)
client.run_until_disconnected()
"""


async def test_an_echo_program_as_the_documentation_shows_it_works_on_a_loan(house: House) -> None:
    bob = house.bob()
    process = await house.place.start(ECHO.format(string=house.string(house.lend())))
    assert await first_line(process) == "ready"
    for text in ("one", "two", "stop"):
        house.writes(bob, text)
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, err) == (0, b"")
    said = [each for each in bob.box._messages.values() if not each.out]
    assert sorted(each.text for each in said) == ["one", "stop", "two"]


async def test_programs_of_two_homes_in_one_process_go_each_to_their_own_gateway(house: House, tmp_path: Path) -> None:
    """Telethon remembers on the class where the data centers of the first network are."""
    eve = house.telegram.add_account("9996623333", first_name="Eve", messages=1)
    (tmp_path / "second").mkdir()
    place = Place(tmp_path / "second", house.telegram, house.telegram.network, eve)
    place.keep(house.telegram.mint(eve))
    second = House(place, house.log)
    await second.open()
    house.telegram.send_file(PHONE, b"Ada's", dc=4)
    house.telegram.send_file("9996623333", b"Eve's", dc=4)
    try:
        async with house.borrower() as adas, second.borrower() as eves:
            for client, expected in [(adas, b"Ada's"), (eves, b"Eve's")]:
                (message,) = await client.get_messages((await client.get_dialogs(limit=1))[0].entity, limit=1)
                assert await message.download_media(bytes) == expected
    finally:
        await second.close()
        place.vault.close()
        place.ledger.close()


async def test_what_a_program_says_of_itself_changes_nothing_at_telegram(house: House) -> None:
    before = house.authorization.application
    async with house.stock(device_model="a stranger's phone") as client:
        await client.get_me()
    assert house.authorization.application == before
    assert "a stranger's phone" not in str(before)


async def test_a_bot_token_on_a_users_loan_is_refused(house: House) -> None:
    client = house.stock()
    await client.connect()
    with pytest.raises(errors.RPCError, match="NOT_GRANTED"):
        await client(functions.auth.ImportBotAuthorizationRequest(0, 1, "0" * 32, "123456:letters"))
    assert (await client.get_me()).id == house.ada.id
