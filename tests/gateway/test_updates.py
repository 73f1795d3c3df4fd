"""What happens to the account reaches every borrower once and in order: what others do, what Telegram tells, and what
was missed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import Any

import pytest
from telethon import events, functions, types

from emulator.pictures import jpeg
from emulator.stock import telethon
from gateway.house import Ear, House
from mtproto.client import RawClient
from telekeep.emulator.world.peer import user
from telekeep.mtproto.schema import read
from upstream.place import Wire, first_line, until


async def test_what_one_sends_reaches_the_others_once_and_in_order(house: House) -> None:
    async with house.stock() as one, house.stock() as other, house.borrower() as third:
        ears = [Ear(each) for each in (one, other, third)]
        for number in range(10):
            await one.send_message("me", f"one {number}")
            await other.send_message("me", f"other {number}")
        house.arrive("the end")
        await until(lambda: all("the end" in ear.texts for ear in ears))
    ones, others = ([f"{name} {number}" for number in range(10)] for name in ("one", "other"))
    both = [text for pair in zip(ones, others, strict=True) for text in pair]
    assert ears[0].texts == [*others, "the end"]  # its own calls it has as answers
    assert ears[1].texts == [*ones, "the end"]
    assert ears[2].texts == [*both, "the end"]


async def test_edits_deletions_and_reads_of_one_reach_the_others(house: House) -> None:
    bob = house.bob()
    async with house.stock() as one, house.stock() as other:
        mine, theirs = Ear(one), Ear(other)
        sent = await one.send_message("bob", "frist")
        await one.edit_message("bob", sent.id, "first")
        number = house.writes(bob, "hello")
        await until(lambda: "hello" in mine.texts)
        await one.send_read_acknowledge("bob", max_id=number)
        await one.delete_messages("bob", [sent.id, number])
        house.arrive("the end")
        await until(lambda: "the end" in mine.texts and "the end" in theirs.texts)
    assert theirs.heard[:-1] == [
        ("new", sent.id, "frist"),
        ("edited", sent.id, "first"),
        ("new", number, "hello"),
        ("read", number),
        ("deleted", sent.id),
        ("deleted", number),
    ]
    assert [each[0] for each in mine.heard] == ["new", "new"]  # nothing of its own


async def test_a_short_answer_to_the_sender_is_a_whole_message_to_the_others(house: House) -> None:
    """Telegram answers a plain message with updateShortSentMessage, which says neither text nor chat."""
    house.bob()
    async with house.stock() as one, house.stock() as other:
        heard: list[Any] = []

        async def hear(event: Any) -> None:
            heard.append((event.raw_text, event.out, event.chat_id))

        other.add_event_handler(hear, events.NewMessage)
        peer = await one.get_input_entity("bob")
        asked = len(house.log)
        request = functions.messages.SendMessageRequest(peer, "hello Bob", random_id=77)
        assert isinstance(await one(request), types.UpdateShortSentMessage)
        assert isinstance(await one(request), types.UpdateShortSentMessage)  # the same again: nothing happens
        house.arrive("and back")
        await until(lambda: len(heard) == 2)
        assert heard[0] == ("hello Bob", True, peer.user_id)
        assert heard[1][0] == "and back"  # its pts were not advanced past anything, nor left behind
    assert "updates.getDifference" not in house.log[asked:]


async def test_every_kind_of_event_is_heard(house: House) -> None:
    bob = house.bob()
    async with house.stock() as client, telethon(house.telegram, house.telegram.mint(bob)) as bobs:
        heard: list[str] = []

        def note(name: str) -> Any:
            async def take(_event: Any) -> None:
                heard.append(name)

            return take

        for kind in (
            events.NewMessage(pattern="one"),
            events.MessageEdited,
            events.MessageDeleted,
            events.MessageRead,
            events.Album,
            events.UserUpdate,
            events.ChatAction,
        ):
            name = kind.__name__ if isinstance(kind, type) else type(kind).__name__
            client.add_event_handler(note(name), kind)
        await client.send_message("bob", "are you there?")
        sent = await bobs.send_message("ada", "one")
        await until(lambda: "NewMessage" in heard)  # of Bob, whom the owner has not met, it asks first
        await sent.edit("two")
        await sent.delete(revoke=True)
        await bobs.send_read_acknowledge("ada")
        await bobs.send_file("ada", [jpeg(10, 10), jpeg(11, 11)])
        async with bobs.action("ada", "typing"):
            await until(lambda: "UserUpdate" in heard)
        ada = await bobs.get_input_entity("ada")
        await bobs(functions.messages.CreateChatRequest([ada], "a group"))
        await until(lambda: len(set(heard)) == 7)
    assert heard.count("NewMessage") == heard.count("Album") == heard.count("MessageDeleted") == 1


# ---- who was away


async def test_who_was_away_gets_exactly_what_was_missed(house: House) -> None:
    bob, path = house.bob(), house.file(house.lend())
    async with house.stock(path) as client:
        ear = Ear(client)
        first = house.writes(bob, "before")
        await until(lambda: ear.texts == ["before"])
    async with house.stock() as other:
        kept = house.writes(bob, "missed")
        gone = house.writes(bob, "taken back")
        house.edits(first, "before, edited")
        house.deletes(gone)
        sent = await other.send_message("me", "from another program")
    client, ear = house.back(path)
    async with client:
        await until(lambda: len(ear) >= 5)
        house.writes(bob, "now")
        await until(lambda: ear.texts[-1:] == ["now"])
    assert ear.heard[:-1] == [
        ("new", kept, "missed"),
        ("new", gone, "taken back"),
        ("edited", first, "before, edited"),
        ("deleted", gone),
        ("new", sent.id, "from another program"),
    ]


async def test_who_was_away_and_does_not_want_to_catch_up_begins_now(house: House) -> None:
    path = house.file(house.lend())
    async with house.stock(path) as client:
        await client.get_me()
    house.arrive("missed")
    async with house.stock(path) as client:
        ear = Ear(client)
        house.arrive("now")
        await until(lambda: len(ear) > 0)
        await client.get_me()
    assert ear.texts[-1] == "now"
    assert ear.texts.count("missed") <= 1


async def test_ten_that_were_away_cost_telegram_no_call(house: House) -> None:
    paths = [house.file(house.lend(), f"away {number}") for number in range(10)]
    for path in paths:
        async with house.stock(path) as client:
            await client.get_me()
    asked = len(house.log)
    house.arrive("missed", count=300)
    clients = [house.stock(path, catch_up=True) for path in paths]
    ears = [Ear(client) for client in clients]
    await asyncio.gather(*(client.connect() for client in clients))
    await until(lambda: all(len(ear) >= 300 for ear in ears))
    house.arrive("now")
    await until(lambda: all(ear.texts[-1] == "now" for ear in ears))
    assert all(ear.texts == ["missed"] * 300 + ["now"] for ear in ears)
    assert not {"updates.getDifference", "updates.getState"} & set(house.log[asked:])


async def test_who_was_away_for_longer_than_the_journal_reaches_still_gets_everything(house: House) -> None:
    """What the owner does not remember, Telegram is asked for."""
    path = house.file(house.lend())
    async with house.stock(path) as client:
        await client.get_me()
    await house.close()
    house.arrive("while nobody was there", count=3)
    vault = house.keeper.vault
    lease = house.place.leases.try_acquire(vault.load("main").auth_key.id)
    key_id = vault.load("main").auth_key.id
    vault.save_progress("main", key_id, state=None, journal=[], keep_from=1 << 40, fence=lease.fence)
    lease.release()
    await house.open()
    client, ear = house.back(path)
    async with client:
        house.arrive("now")
        await until(lambda: "now" in ear.texts)
    assert ear.texts == ["while nobody was there"] * 3 + ["now"]


async def test_what_has_no_pts_is_told_once_whatever_is_asked_for_again(house: House) -> None:
    """Of a message a program can tell that it has seen it; of somebody typing it cannot."""
    bob = house.bob()
    typing = types.UpdateUserTyping(user_id=bob.id, action=types.SendMessageTypingAction())
    async with await house.raw() as raw:
        state = await raw.call(functions.updates.GetStateRequest())
        house.writes(bob, "hello")
        house.telegram.push(house.ada.id, types.UpdateShort(typing, date=house.telegram.world.now))
        house.writes(bob, "the end")
        await until(lambda: house.owner.journal.head == 3)
        for _ in range(2):
            again = functions.updates.GetDifferenceRequest(pts=state.pts, date=state.date, qts=0)
            assert isinstance(await raw.call(again), types.updates.DifferenceEmpty)
            await raw.ping()
        bodies = [each.body for each in raw.seen]
    assert sum(b"hello" in body for body in bodies) >= 3
    assert sum(bytes(typing) in body for body in bodies) == 1


# ---- what Telegram did not tell


async def test_what_came_while_the_line_was_down_is_fetched_for_all(wired: House, wire: Wire) -> None:
    async with wired.stock() as one, wired.borrower() as other:
        ears = Ear(one), Ear(other)
        wired.arrive("before")
        await until(lambda: all(len(ear) == 1 for ear in ears))
        asked = len(wired.log)
        await wire.cut()
        wired.arrive("meanwhile", count=3)
        await wire.mend()
        await until(lambda: all(len(ear) == 4 for ear in ears))
        wired.arrive("after")
        await until(lambda: all(ear.texts[-1] == "after" for ear in ears))
        assert all(ear.texts == ["before", *["meanwhile"] * 3, "after"] for ear in ears)
        assert wired.log[asked:].count("updates.getDifference") <= 2


async def test_what_telegram_did_not_tell_is_noticed_and_told_in_its_place(house: House) -> None:
    async with house.stock() as one, house.stock() as other:
        ears = Ear(one), Ear(other)
        bob = house.bob()
        house.telegram.world.send_message(bob, user(house.ada.id), "never pushed")
        sent = await one.send_message("me", "after it")
        # the answer did not overtake the journal: whoever asks now is told of all that it implies
        state = await other(functions.updates.GetStateRequest())
        assert state.pts >= house.ada.box.pts
        await until(lambda: len(ears[1]) == 2)
        assert ears[1].heard == [("new", sent.id - 1, "never pushed"), ("new", sent.id, "after it")]
        await until(lambda: "never pushed" in ears[0].texts)
        assert ears[0].texts in (["never pushed"], ["never pushed", "after it"])  # of Telegram's own difference


async def test_when_one_has_its_answer_the_others_can_be_told(house: House) -> None:
    """For every call that moves the account: no other borrower can ask and not see it."""
    async with await house.raw() as one, await house.raw() as other:
        me = types.InputPeerSelf()
        for number in range(20):
            await one.call(functions.messages.SendMessageRequest(me, str(number), random_id=number + 1))
            state = await other.call(functions.updates.GetStateRequest())
            assert state.pts == house.ada.box.pts
        ids = [house.ada.box.last_id - number for number in range(3)]
        answer = await one.call(functions.messages.DeleteMessagesRequest(ids))
        assert (await other.call(functions.updates.GetStateRequest())).pts == answer.pts


async def test_a_sequence_that_begins_anew_hides_nothing(house: House) -> None:
    """seq belongs to an authorization: after a renewal it is small again. No borrower ever sees it."""
    bob = house.bob()
    number = house.writes(bob, "words")
    async with house.stock() as client, await house.raw() as raw:
        ear = Ear(client)
        for count, seq in enumerate((499, 1, 2), 1):
            house.authorization.seq = seq
            house.edits(number, f"words at {seq}")
            await until(lambda: len(ear) == count)  # noqa: B023
        assert [each[2] for each in ear.heard] == ["words at 499", "words at 1", "words at 2"]
        await raw.ping()
        told = [read(each.body) for each in raw.seen if each.constructor == types.Updates.CONSTRUCTOR_ID]
        assert len(told) == 3
        assert {each.seq for each in told} == {0}


# ---- who does not read


async def _slow(house: House) -> RawClient:
    """A client that stops reading."""
    client = await house.raw()
    client.wire.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    await client.ping()
    client.wire.writer.transport.pause_reading()
    return client


async def _flood(house: House, ear: Ear, *, size: int, count: int = 5000, at_once: int = 500) -> list[int]:
    """So many messages of ``size`` characters, as fast as the others can hear them."""
    first = house.ada.box.last_id + 1
    for number in range(0, count, at_once):
        house.arrive("x" * size, count=at_once)
        await until(lambda: len(ear) >= number + at_once)  # noqa: B023
    return list(range(first, first + count))


async def _told(client: RawClient, last: int) -> list[int]:
    """The ids of the messages it is told, up to ``last``; 0 where it is told that something is missing."""
    client.wire.writer.transport.resume_reading()
    found: list[int] = []
    client.acks = False
    while last not in found and 0 not in found:
        for each in await client.frame():
            if each.constructor == types.UpdatesTooLong.CONSTRUCTOR_ID:
                found.append(0)
            elif each.constructor == types.Updates.CONSTRUCTOR_ID:
                found += [update.message.id for update in read(each.body).updates]
    return found


async def test_who_does_not_read_lags_and_delays_nobody_and_gets_everything_then(house: House) -> None:
    async with await _slow(house) as slow, house.stock(sequential_updates=False) as quick:
        ear = Ear(quick)
        sent = await _flood(house, ear, size=2200)
        assert [each[1] for each in ear.heard] == sent
        assert max(each.lag(house.owner.journal) for each in house.owner.borrowers()) > 500
        buffers = [each.line._transport.get_write_buffer_size() for each in house.owner.borrowers()]
        assert max(buffers) < 4 << 20  # what is not read is not queued
        assert await _told(slow, sent[-1]) == sent


async def test_who_does_not_read_for_too_long_is_told_so(house: House) -> None:
    house.owner.journal._room = 2 << 20  # bytes
    async with await _slow(house) as slow, house.stock(sequential_updates=False) as quick:
        ear = Ear(quick)
        sent = await _flood(house, ear, size=4000, count=3000)
        found = await _told(slow, sent[-1])
        assert found[-1] == 0
        assert found[:-1] == sent[: len(found) - 1]
        state = await slow.call(functions.updates.GetStateRequest())
        assert state.pts == house.ada.box.pts


# ---- the owner ends and comes back


async def test_the_journal_outlives_the_owner(house: House) -> None:
    path = house.file(house.lend())
    async with house.stock(path) as client:
        ear = Ear(client)
        house.arrive("before")
        await until(lambda: len(ear) == 1)
    house.arrive("missed by the program", count=2)
    await until(lambda: house.owner.journal.head == 3)
    await house.close()
    house.arrive("missed by the owner too")
    opened = len(house.log)
    await house.open()
    await until(lambda: "updates.getDifference" in house.log[opened:])  # the owner's own
    asked = len(house.log)
    client, ear = house.back(path)
    async with client:
        await until(lambda: len(ear) >= 3)
        await client.get_me()
    assert ear.texts == [*["missed by the program"] * 2, "missed by the owner too"]
    assert "updates.getDifference" not in house.log[asked:]


async def test_a_program_that_stays_misses_nothing_while_the_owner_is_away(house: House) -> None:
    async with house.stock(connection_retries=None) as stock, house.borrower(retry_delay=0.05) as borrowed:
        ears = Ear(stock), Ear(borrowed)
        house.arrive("before")
        await until(lambda: all(len(ear) == 1 for ear in ears))
        await house.close()
        house.arrive("meanwhile", count=2)
        await house.open()
        await until(lambda: all(len(ear) == 3 for ear in ears))
        house.arrive("after")
        await until(lambda: all(ear.texts[-1] == "after" for ear in ears))
    assert all(ear.texts == ["before", "meanwhile", "meanwhile", "after"] for ear in ears)


OWNER = """
import asyncio
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.own import own

async def main():
    keeper = Keeper.open()
    owner = await own(keeper, "main")
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_an_owner_that_is_killed_loses_nothing_for_anybody(house: House) -> None:
    path = house.file(house.lend())
    await house.close()
    process = await house.place.start(OWNER)
    assert await first_line(process) == "ready"
    try:
        session = path
        client = house.stock(session, connection_retries=None)
        await client.connect()
        ear = Ear(client)
        house.arrive("before")
        await until(lambda: len(ear) == 1)
        house.arrive("told, and not on disk yet", count=3)
        await until(lambda: len(ear) == 4)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        await process.communicate()
    house.arrive("while nobody was there")
    await house.open()
    await until(lambda: len(ear) >= 5)
    house.arrive("after")
    await until(lambda: ear.texts[-1] == "after")
    assert ear.texts == ["before", *["told, and not on disk yet"] * 3, "while nobody was there", "after"]


@pytest.mark.parametrize("kind", ["stock", "borrowed"])
async def test_who_wants_no_updates_gets_none(house: House, kind: str) -> None:
    made = house.stock if kind == "stock" else house.borrower
    async with made(receive_updates=False) as deaf, house.stock() as other:
        ears = Ear(deaf), Ear(other)
        house.arrive("hello")
        await until(lambda: len(ears[1]) == 1)
        await deaf.get_me()
        assert len(ears[0]) == 0
