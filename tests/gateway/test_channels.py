"""Channels through the gateway: every borrower hears what happens in them once and in order, whoever was away catches
up from the journal, gaps are healed by the owner, and Telegram is asked no more often than by one client.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from telethon import errors, events, functions, types

from gateway.house import Ear, House
from telekeep.emulator.world.channel import Channel
from telekeep.upstream import box as boxes
from upstream.place import Wire, until

DIFFERENCES = {"updates.getChannelDifference", "updates.getDifference", "updates.getState"}


@pytest.fixture
def club(house: House) -> Channel:
    """A supergroup with Ada in it."""
    return house.telegram.add_channel(
        "Club", username="the_club", broadcast=False, messages=30, members=[house.ada], creator=house.bob()
    )


@pytest.fixture
def wired_club(wired: House) -> Channel:
    return wired.telegram.add_channel("Club", username="the_club", messages=30, members=[wired.ada])


def asked(house: House, since: int) -> list[str]:
    """The differences that Telegram was asked for."""
    return [each for each in house.log[since:] if each in DIFFERENCES]


async def both_heard(house: House, of: Channel, *ears: Ear) -> int:
    """Everybody follows the channel. The id of the message that shows it."""
    number = house.telegram.post(of, "both heard")
    await until(lambda: all("both heard" in ear.texts for ear in ears))
    return number


async def test_everybody_hears_what_happens_in_a_channel_once_and_in_order(house: House, club: Channel) -> None:
    async with house.stock() as one, house.stock() as other, house.borrower() as third:
        ears = [Ear(each) for each in (one, other, third)]
        number = await both_heard(house, club, *ears)
        mine = await one.send_message("the_club", "frist")
        await one.edit_message("the_club", mine.id, "first")
        house.telegram.edit(club, number, "changed")
        await one.delete_messages("the_club", [mine.id])
        house.telegram.delete(club, number)
        house.telegram.post(club, "the end")
        await until(lambda: all("the end" in ear.texts for ear in ears))
    told = [("new", number, "both heard"), ("edited", number, "changed"), ("deleted", number)]
    end = ("new", club.box.last_id, "the end")
    own = ("deleted", mine.id)  # Telethon counts the pts of its own deletion for the account's, and asks the channel's
    assert [each for each in ears[0].heard if each != own] == [*told, end]
    others = [
        told[0], ("new", mine.id, "frist"), ("edited", mine.id, "first"), told[1], ("deleted", mine.id), told[2], end
    ]  # fmt: skip
    assert [each for each in ears[1].heard if each[0] != "read"] == others
    assert ears[1].heard == ears[2].heard


async def test_what_one_has_read_in_a_channel_the_others_hear(house: House, club: Channel) -> None:
    async with house.stock() as one, house.stock() as other:
        ears = [Ear(one), Ear(other)]
        number = await both_heard(house, club, *ears)
        await one.send_read_acknowledge("the_club", max_id=number)
        await until(lambda: ("read", number) in ears[1].heard)
        assert ("read", number) not in ears[0].heard


async def test_who_was_away_gets_exactly_what_was_missed_in_a_channel(house: House, club: Channel) -> None:
    """Edits and deletions, too, which stock clients drop when they come in a difference."""
    path = house.file(house.lend())
    async with house.stock(path) as client:
        ear = Ear(client)
        first = await both_heard(house, club, ear)
    kept, gone = (house.telegram.post(club, text) for text in ("missed", "taken back"))
    house.telegram.edit(club, first, "edited")
    house.telegram.delete(club, gone)
    await until(lambda: house.owner.journal.now(club.id) == club.box.pts)
    since = len(house.log)
    client, ear = house.back(path)
    async with client:
        await until(lambda: len(ear) >= 4)
        house.telegram.post(club, "now")
        await until(lambda: ear.texts[-1:] == ["now"])
    assert ear.heard[:-1] == [
        ("new", kept, "missed"),
        ("new", gone, "taken back"),
        ("edited", first, "edited"),
        ("deleted", gone),
    ]
    assert not asked(house, since)


async def test_an_owner_that_closes_gives_the_answers_that_wait_for_what_was_before_them(
    house: House, club: Channel
) -> None:
    """Telegram has answered, but a gap is still to be healed: without its answer the program would ask again."""
    async with house.stock() as client:
        ear = Ear(client)
        await both_heard(house, club, ear)
        house.telegram.post(club, "lost", heard=False)
        house.telegram.fault("delay", method="updates.getChannelDifference", seconds=0.3)
        sending = asyncio.create_task(client.send_message("the_club", "behind the gap"))
        await until(lambda: "updates.getChannelDifference" in house.log)
        await asyncio.gather(house.close(grace=5.0), sending)
        assert sending.result().text == "behind the gap"
        await house.open()
    assert house.log.count("channels.sendMessage") + house.log.count("messages.sendMessage") == 1


@pytest.mark.parametrize("knows", ["its cache", "the session only"])
async def test_a_gap_is_healed_by_the_owner_once_for_all(house: House, club: Channel, knows: str) -> None:
    async with house.stock() as one, house.stock() as other:
        ears = [Ear(one), Ear(other)]
        await both_heard(house, club, *ears)
        lost = [house.telegram.post(club, f"lost {number}", heard=False) for number in range(3)]
        house.telegram.delete(club, lost[1], heard=False)
        if knows == "the session only":  # Telethon keeps some thousand hashes only (facts.md, trap 5)
            house.owner._client._mb_entity_cache.hash_map.pop(club.id)
        since = len(house.log)
        house.telegram.post(club, "after the gap")
        await until(lambda: all("after the gap" in ear.texts for ear in ears))
        told = [each[:2] for each in ears[0].heard[1:]]
        assert told == [("new", lost[0]), ("new", lost[2]), ("deleted", lost[1]), ("new", club.box.last_id)]
        assert ears[0].heard == ears[1].heard
    assert asked(house, since) == ["updates.getChannelDifference"]


async def test_what_the_journal_does_not_know_any_more_telegram_is_asked_for_and_nothing_of_it_is_lost(
    house: House, club: Channel
) -> None:
    """Edits and deletions, too; in slices."""
    path = house.file(house.lend())
    async with house.stock(path) as client:
        ear = Ear(client)
        first = await both_heard(house, club, ear)
    numbers = [house.telegram.post(club, f"missed {number}") for number in range(150)]
    house.telegram.edit(club, first, "edited")
    house.telegram.delete(club, numbers[5])
    await until(lambda: house.owner.journal.now(club.id) == club.box.pts)
    house.owner.journal._lines[club.id].leap(club.box.pts)
    client, ear = house.back(path)
    async with client:
        await until(lambda: len(ear) >= 151)
        house.telegram.post(club, "now")
        await until(lambda: ear.texts[-1:] == ["now"])
    others = [each for number, each in enumerate(numbers) if number != 5]
    assert [each[1] for each in ear.heard if each[0] == "new"] == [*others, club.box.last_id]
    assert [each for each in ear.heard if each[0] != "new"] == [("edited", first, "edited"), ("deleted", numbers[5])]
    assert house.log.count("updates.getChannelDifference") == 2


async def test_too_much_to_tell_is_told_as_too_long(house: House, club: Channel) -> None:
    async with house.stock() as client:
        ear = Ear(client)
        heard: list[Any] = []

        async def raw(update: Any) -> None:
            heard.append(update)

        client.add_event_handler(raw, events.Raw(types.UpdateChannelTooLong))
        await both_heard(house, club, ear)
        club.box.kept = 5
        for number in range(50):
            house.telegram.post(club, f"lost {number}", heard=False)
        house.telegram.too_long(club)
        state = client._message_box
        await until(lambda: state.map[club.id].pts == club.box.pts and not state.getting_diff_for)
        house.telegram.post(club, "after")
        await until(lambda: "after" in ear.texts)
        assert ear.texts == ["both heard", "after"]
        assert "updates.getChannelDifference" in house.log
        assert len(await client.get_messages("the_club", limit=None)) == 82


async def test_ten_borrowers_with_many_channels_cost_telegram_no_difference(house: House) -> None:
    """Every client's message box times out for the account and for each channel (facts.md, trap 5)."""
    channels = [house.telegram.add_channel(f"c{number}", messages=1, members=[house.ada]) for number in range(40)]
    clients = [house.stock() for _ in range(10)]
    ears = [Ear(each) for each in clients]
    for client in clients:
        await client.connect()
    (everything,) = [await client.get_dialogs() for client in clients[:1]]
    known = {each.entity.id: each.dialog.pts for each in everything if each.is_channel}
    assert len(known) == len(channels)
    since = len(house.log)

    async def times_out(client: Any) -> None:
        hashes = {each.entity.id: each.entity.access_hash for each in everything if each.is_channel}
        for number, pts in known.items():
            channel = types.InputChannel(number, hashes[number])
            nothing = types.ChannelMessagesFilterEmpty()
            found = await client(functions.updates.GetChannelDifferenceRequest(channel, nothing, pts, 100))
            assert isinstance(found, types.updates.ChannelDifferenceEmpty) and found.pts == pts

    await asyncio.gather(*map(times_out, clients))
    for channel in channels:
        house.telegram.post(channel, f"in {channel.id}")
    await until(lambda: all(len(ear) >= len(channels) for ear in ears))
    assert all(sorted(ear.texts) == sorted(f"in {channel.id}" for channel in channels) for ear in ears)
    assert not asked(house, since)


async def test_of_a_channel_that_it_is_not_in_the_owner_knows_nothing(house: House) -> None:
    """Nobody is told what happens there: who asks has to be answered by Telegram, each time."""
    public = house.telegram.add_channel("Public", username="public", messages=3)
    async with house.stock() as client:
        channel = await client.get_input_entity("public")
        pts = (await client(functions.channels.GetFullChannelRequest(channel))).full_chat.pts
        for number in range(2):
            house.telegram.post(public, f"post {number}")
            nothing = types.ChannelMessagesFilterEmpty()
            found = await client(functions.updates.GetChannelDifferenceRequest(channel, nothing, pts, 100))
            assert [each.message for each in found.new_messages] == [f"post {number}"]
            pts = found.pts


async def test_after_leaving_a_channel_the_journal_answers_for_it_no_more(house: House, club: Channel) -> None:
    async with house.stock() as one, house.stock() as other:
        ears = [Ear(one), Ear(other)]
        await both_heard(house, club, *ears)
        await one(functions.channels.LeaveChannelRequest("the_club"))
        await until(lambda: house.owner.journal.now(club.id) is None)
        house.telegram.post(club, "without us")
        channel = await other.get_input_entity("the_club")
        nothing = types.ChannelMessagesFilterEmpty()
        request = functions.updates.GetChannelDifferenceRequest(channel, nothing, club.box.pts - 1, 100)
        assert [each.message for each in (await other(request)).new_messages] == ["without us"]  # it is public


async def test_the_owner_itself_asks_once_for_all_quiet_channels(house: House, club: Channel) -> None:
    """No update for 15 minutes: the account's difference says which channels have moved."""
    others = [house.telegram.add_channel(f"c{number}", messages=1, members=[house.ada]) for number in range(20)]
    async with house.stock() as client:
        ear = Ear(client)
        await client.get_dialogs()
        await both_heard(house, club, ear)
        await house.owner.ask_own_user()
        box = house.owner._client.box
        assert all(each.id in box.map for each in (club, *others))
        house.telegram.advance(1000)
        moved = house.telegram.post(club, "not heard", heard=False)
        since = len(house.log)
        for state in box.map.values():
            state.deadline = 0
        box.next_deadline = boxes.ENTRY_ACCOUNT
        house.arrive("wakes the loop up")
        await until(lambda: "not heard" in ear.texts)
        assert ("new", moved, "not heard") in ear.heard
    assert asked(house, since) == ["updates.getDifference", "updates.getChannelDifference"]


async def test_a_line_that_was_lost_costs_no_message_of_any_channel(
    wired: House, wire: Wire, wired_club: Channel
) -> None:
    """What comes over the new line, before the owner has asked what it missed, must not make it ask from there."""
    quiet = wired.telegram.add_channel("Quiet", messages=1, members=[wired.ada])
    async with wired.stock() as client:
        ear = Ear(client)
        await both_heard(wired, wired_club, ear)
        quietly = wired.telegram.post(quiet, "heard")
        await until(lambda: "heard" in ear.texts)
        await wire.cut()
        missed = wired.telegram.post(quiet, "missed")
        wired.telegram.advance(300)
        await wire.mend()
        await until(lambda: "missed" in ear.texts)
        assert missed == quietly + 1


async def test_channels_go_on_where_they_were_after_the_owner_was_replaced(house: House, club: Channel) -> None:
    path = house.file(house.lend())
    async with house.stock(path) as client:
        ear = Ear(client)
        first = await both_heard(house, club, ear)
    pts = club.box.pts
    await house.close()
    assert house.place.state.channels == {club.id: pts}
    missed = house.telegram.post(club, "while nobody owned it")
    house.telegram.edit(club, first, "edited meanwhile")
    await house.open()
    await until(lambda: house.owner.journal.now(club.id) == club.box.pts)
    client, ear = house.back(path)
    async with client:
        await until(lambda: len(ear) >= 2)
        house.telegram.post(club, "now")
        await until(lambda: ear.texts[-1:] == ["now"])
    assert sorted(ear.heard[:-1]) == [("edited", first, "edited meanwhile"), ("new", missed, "while nobody owned it")]


async def test_an_old_access_hash_of_a_channel_is_replaced(house: House, club: Channel) -> None:
    """As a program has it in its session file after a renewal."""
    async with house.stock() as client:
        entity = await client.get_entity("the_club")
        old = types.InputPeerChannel(entity.id, 12345)
        assert (await client.get_messages(old, limit=1))[0].id == 30
        assert (await client(functions.channels.GetChannelsRequest([types.InputChannel(entity.id, 54321)]))).chats


@pytest.mark.parametrize("grant", ["read-only", "archive"])
async def test_a_loan_that_reads_reads_channels_and_changes_nothing_in_them(
    house: House, club: Channel, grant: str
) -> None:
    async with house.stock(grant=grant) as client:
        ear = Ear(client)
        assert len(await client.get_messages("the_club", limit=None)) == 30
        assert len(await client.get_participants("the_club")) == len(club.members)
        await both_heard(house, club, ear)
        for refused in (
            lambda: client.send_message("the_club", "hello"),
            lambda: client.delete_messages("the_club", [1]),
            lambda: client.send_read_acknowledge("the_club"),
            lambda: client(functions.channels.LeaveChannelRequest("the_club")),
        ):
            with pytest.raises(errors.ForbiddenError, match="NOT_GRANTED"):
                await refused()
    assert club.history.messages[-1].text == "both heard"


async def test_a_channel_is_given_away_or_deleted_on_no_loan(house: House) -> None:
    mine = house.telegram.add_channel("Mine", creator=house.ada)
    async with house.stock() as client:
        await client.get_dialogs()
        channel = await client.get_input_entity(types.PeerChannel(mine.id))
        for request in (
            functions.channels.DeleteChannelRequest(channel),
            functions.channels.EditCreatorRequest(channel, types.InputUserSelf(), types.InputCheckPasswordEmpty())
            if hasattr(functions.channels, "EditCreatorRequest")
            else functions.messages.EditChatCreatorRequest(
                channel, types.InputUserSelf(), types.InputCheckPasswordEmpty()
            ),
        ):
            with pytest.raises(errors.ForbiddenError, match="NOT_GRANTED"):
                await client(request)


async def test_whoever_is_thrown_out_learns_it_from_telegram(house: House, club: Channel) -> None:
    async with house.stock() as client:
        ear = Ear(client)
        await both_heard(house, club, ear)
        house.telegram.world.broadcasting.ban(club, house.ada)
        house.telegram.post(club, "for the others")
        with pytest.raises(errors.ChannelPrivateError):
            await client.get_messages("the_club", limit=1)
        house.arrive("the end")
        await until(lambda: "the end" in ear.texts)
        assert ear.texts == ["both heard", "the end"]


async def test_an_album_in_a_channel_is_one_album_to_everybody(house: House, club: Channel) -> None:
    from emulator.pictures import jpeg

    albums: list[int] = []

    async def album(event: Any) -> None:
        albums.append(len(event.messages))

    async with house.stock() as one, house.stock() as other:
        other.add_event_handler(album, events.Album)
        await one.send_file("the_club", [jpeg(10, 10), jpeg(11, 11), jpeg(12, 12)])
        await until(lambda: albums)
        await asyncio.sleep(0)
    assert albums == [3]
