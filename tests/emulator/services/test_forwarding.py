from __future__ import annotations

from typing import Any

import pytest

from emulator.pictures import png
from emulator.services.bench import Bench, Device
from telekeep.emulator.world import Account
from telekeep.emulator.world.peer import user
from telekeep.mtproto.schema import functions, types

messages = functions.messages
SELF = types.InputPeerSelf()


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
    return types.InputPeerUser(
        account.id, device.bench.world.viewers.of(device.authorization.hash).access_hash("user", account.id)
    )


def forward(source: Any, ids: list[int], target: Any, **more: Any) -> Any:
    more.setdefault("random_id", [each * 100 for each in ids])
    return messages.ForwardMessagesRequest(from_peer=source, id=ids, to_peer=target, **more)


def hear(bench: Bench, sender: Account, receiver: Account, text: str, **more: Any) -> int:
    """A message from ``sender``; its id in the receiver's box."""
    sent = bench.world.post.send(sender, user(receiver.id), text, **more)
    return next(each.event.message.id for each in sent.deliveries if each.account_id == receiver.id)


def test_it_reaches_the_other_with_a_word_on_whose_it_is(bench: Bench, people: list[Account]) -> None:
    ada, bob, eve = people
    mine, eves = bench.device(ada), bench.device(eve)
    number = hear(bench, bob, ada, "good news")
    answer = mine(forward(of(mine, bob), [number], of(mine, eve)))
    mapped, new = answer.updates
    assert (mapped.random_id, mapped.id) == (number * 100, new.message.id)
    assert (new.message.message, new.message.fwd_from.from_id.user_id, new.message.out) == ("good news", bob.id, True)
    told = eves.updates[-1]
    [heard] = told.updates
    assert (heard.message.message, heard.message.fwd_from.from_id.user_id) == ("good news", bob.id)
    assert [each.min for each in told.users if each.id == bob.id] == [True], "Eve has not met Bob"


def test_whoever_wrote_it_first_is_named_through_many_hands(bench: Bench, people: list[Account]) -> None:
    ada, bob, eve = people
    mine, eves = bench.device(ada), bench.device(eve)
    number = hear(bench, bob, ada, "good news")
    written = ada.box.message(number).date
    mine(forward(of(mine, bob), [number], of(mine, eve)))
    again = eves(forward(of(eves, ada), [eve.box.last_id], SELF))
    header = again.updates[-1].message.fwd_from
    assert (header.from_id.user_id, int(header.date.timestamp())) == (bob.id, written)
    assert (header.saved_from_peer.user_id, header.saved_from_msg_id) == (ada.id, eve.box.last_id - 1)


def test_the_author_and_the_captions_may_be_left_out(bench: Bench, people: list[Account]) -> None:
    ada, bob, eve = people
    mine = bench.device(ada)
    file = bench.world.files.add_photo(png(8, 8), "a.png", dc_id=2, date=bench.world.now)
    number = hear(bench, bob, ada, "my holidays", media=file)
    shown = mine(forward(of(mine, bob), [number], of(mine, eve), drop_author=True, drop_media_captions=True))
    message = shown.updates[-1].message
    assert (message.fwd_from, message.message, message.media.photo.id) == (None, "", file.id)


def test_an_album_stays_one(bench: Bench, people: list[Account]) -> None:
    ada, bob, eve = people
    mine, eves = bench.device(ada), bench.device(eve)
    file = bench.world.files.add_photo(png(8, 8), "a.png", dc_id=2, date=bench.world.now)
    ids = [hear(bench, bob, ada, "", media=file, grouped_id=77) for _ in range(2)]
    mine(forward(of(mine, bob), ids, of(mine, eve)))
    groups = {each.message.grouped_id for each in eves.updates[-1].updates}
    assert len(groups) == 1 and groups.isdisjoint({None, 77})


def test_one_random_id_is_one_message_even_when_the_original_is_gone(bench: Bench, people: list[Account]) -> None:
    ada, bob, eve = people
    mine = bench.device(ada)
    number = hear(bench, bob, ada, "good news")
    first = mine(forward(of(mine, bob), [number], of(mine, eve)))
    mine(messages.DeleteMessagesRequest(id=[number]))
    again = mine(forward(of(mine, bob), [number], of(mine, eve)))
    assert again.updates[0].id == first.updates[0].id
    assert again.updates[1].pts_count == 0
    assert len(eve.box.dialog(user(ada.id)).messages) == 1


@pytest.mark.parametrize(
    ("ids", "more", "error"),
    [
        ([], {}, "MESSAGE_IDS_EMPTY"),
        ([1, 99], {}, "MESSAGE_ID_INVALID"),
        ([1], {"random_id": []}, "RANDOM_ID_INVALID"),
        ([1], {"random_id": [0]}, "RANDOM_ID_EMPTY"),
        ([1, 2], {"random_id": [5, 5]}, "RANDOM_ID_DUPLICATE"),
        (list(range(1, 102)), {}, "LIMIT_INVALID"),
        ([1], {"schedule_date": 2_000_000_000}, "SCHEDULE_DATE_INVALID"),
        ([1], {"top_msg_id": 1}, "TOPIC_DELETED"),
        ([1], {"send_as": SELF}, "SEND_AS_PEER_INVALID"),
    ],
)
def test_what_cannot_be_forwarded_is_refused_and_nothing_of_it_is_sent(
    bench: Bench, people: list[Account], ids: list[int], more: dict[str, Any], error: str
) -> None:
    ada, bob, eve = people
    mine = bench.device(ada)
    for text in ("one", "two"):
        hear(bench, bob, ada, text)
    assert mine.refused(forward(of(mine, bob), ids, of(mine, eve), **more)) == error
    assert not eve.box.dialogs


def test_a_message_of_another_dialog_or_about_a_group_is_not_there(bench: Bench, people: list[Account]) -> None:
    ada, bob, eve = people
    mine = bench.device(ada)
    number = hear(bench, bob, ada, "good news")
    assert mine.refused(forward(of(mine, eve), [number], SELF)) == "MESSAGE_ID_INVALID"
    group, sent = bench.world.create_chat(ada, "Club", [bob])
    announced = sent.event.message.id
    assert mine.refused(forward(types.InputPeerChat(group.id), [announced], SELF)) == "MESSAGE_ID_INVALID"


def test_foreign_hashes_and_channels_open_nothing(bench: Bench, people: list[Account]) -> None:
    ada, bob, eve = people
    mine, other = bench.device(ada), bench.device(ada)
    number = hear(bench, bob, ada, "good news")
    assert mine.refused(forward(of(other, bob), [number], SELF)) == "PEER_ID_INVALID"
    assert mine.refused(forward(of(mine, bob), [number], of(other, eve))) == "PEER_ID_INVALID"
    assert mine.refused(forward(of(mine, bob), [number], types.InputPeerChannel(5, 5))) == "CHANNEL_INVALID"
