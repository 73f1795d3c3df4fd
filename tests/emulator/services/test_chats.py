from __future__ import annotations

from typing import Any

import pytest

from emulator.services.bench import Bench, Device
from telekeep.emulator.world import Account
from telekeep.mtproto.schema import functions, types

messages = functions.messages


@pytest.fixture
def people(bench: Bench) -> list[Account]:
    """Ada has met Bob and Eve; Bob and Eve have not met."""
    ada, bob, eve = (
        bench.world.add_account(f"999662{n}{n}{n}{n}", first_name=name)
        for n, name in enumerate(("Ada", "Bob", "Eve"), 1)
    )
    bench.world.meet(ada, bob)
    bench.world.meet(ada, eve)
    return [ada, bob, eve]


def of(device: Device, account: Account) -> Any:
    return types.InputUser(
        account.id, device.bench.world.viewers.of(device.authorization.hash).access_hash("user", account.id)
    )


def create(device: Device, *members: Account, title: str = "Club") -> Any:
    return messages.CreateChatRequest(users=[of(device, member) for member in members], title=title)


def test_a_group_is_founded_and_announced_to_its_members(bench: Bench, people: list[Account]) -> None:
    ada, bob, eve = people
    mine, theirs = bench.device(ada), bench.device(bob)
    answer = mine(create(mine, bob)).updates
    [group] = answer.chats
    assert (group.title, group.participants_count, group.creator) == ("Club", 2, True)
    first = next(u for u in answer.updates if isinstance(u, types.UpdateNewMessage))
    assert isinstance(first.message.action, types.MessageActionChatCreate)
    [told] = theirs.updates[0].updates
    assert isinstance(told.message.action, types.MessageActionChatCreate) and not told.message.out
    assert not eve.box.dialogs


def test_a_group_needs_a_name_and_somebody_else(bench: Bench, people: list[Account]) -> None:
    device = bench.device(people[0])
    assert device.refused(create(device, people[1], title=" ")) == "CHAT_TITLE_EMPTY"
    assert device.refused(create(device)) == "USERS_TOO_FEW"
    assert device.refused(create(device, people[0])) == "USERS_TOO_FEW"


def test_each_member_has_the_message_under_an_id_of_their_own(bench: Bench, people: list[Account]) -> None:
    ada, bob, _ = people
    mine, theirs = bench.device(ada), bench.device(bob)
    for number in (1, 2, 3):
        mine(messages.SendMessageRequest(types.InputPeerSelf(), "note", random_id=number))
    chat_id = mine(create(mine, bob)).updates.chats[0].id
    answer = mine(messages.SendMessageRequest(types.InputPeerChat(chat_id), "hello", random_id=9))
    mapped, new = answer.updates
    assert isinstance(mapped, types.UpdateMessageID) and (mapped.id, mapped.random_id) == (5, 9)
    assert new.message.id == 5
    history = messages.GetHistoryRequest(types.InputPeerChat(chat_id), 0, None, 0, 1, 0, 0, 0)
    copy = theirs(history).messages[0]
    assert (copy.id, copy.from_id.user_id, copy.out) == (2, ada.id, False)


def test_somebody_is_added_once_and_only_to_a_group_one_is_in(bench: Bench, people: list[Account]) -> None:
    ada, bob, eve = people
    mine = bench.device(ada)
    chat_id = mine(create(mine, bob)).updates.chats[0].id
    add = messages.AddChatUserRequest(chat_id=chat_id, user_id=of(mine, eve), fwd_limit=0)
    answer = mine(add).updates
    assert answer.chats[0].participants_count == 3
    assert mine.refused(add) == "USER_ALREADY_PARTICIPANT"
    outsider = bench.device(bench.world.add_account("9996629999"))
    assert outsider.refused(messages.GetFullChatRequest(chat_id=chat_id)) == "CHAT_ID_INVALID"
    [shown] = outsider(messages.GetChatsRequest(id=[chat_id])).chats
    assert isinstance(shown, types.ChatForbidden)


def test_members_who_have_not_met_see_each_other_as_min(bench: Bench, people: list[Account]) -> None:
    ada, bob, eve = people
    mine, theirs = bench.device(ada), bench.device(bob)
    chat_id = mine(create(mine, bob, eve)).updates.chats[0].id
    full = theirs(messages.GetFullChatRequest(chat_id=chat_id))
    assert {user.first_name: bool(user.min) for user in full.users} == {"Ada": False, "Bob": False, "Eve": True}
    assert len(full.full_chat.participants.participants) == 3
    assert isinstance(full.full_chat.participants.participants[0], types.ChatParticipantCreator)


def test_a_group_nobody_founded_is_invalid(bench: Bench, people: list[Account]) -> None:
    device = bench.device(people[0])
    assert device.refused(messages.GetChatsRequest(id=[404])) == "CHAT_ID_INVALID"
    assert device.refused(messages.AddChatUserRequest(404, of(device, people[1]), 0)) == "CHAT_ID_INVALID"
