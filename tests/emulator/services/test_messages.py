from __future__ import annotations

from typing import Any

import pytest

from emulator.services.bench import Bench, Device
from telekeep.emulator.services.hashing import fold
from telekeep.emulator.world import Account
from telekeep.emulator.world.peer import user
from telekeep.mtproto.schema import functions, types

messages = functions.messages
SELF = types.InputPeerSelf()


@pytest.fixture
def ada(bench: Bench) -> Account:
    return bench.world.add_account("9996621234", first_name="Ada", messages=250)


@pytest.fixture
def bob(bench: Bench, ada: Account) -> Account:
    account = bench.world.add_account("9996625678", first_name="Bob", username="bob")
    bench.world.meet(ada, account)
    return account


@pytest.fixture
def device(bench: Bench, ada: Account) -> Device:
    return bench.device(ada)


def dialogs(limit: int = 100, *, after: Any = None, **more: Any) -> Any:
    return messages.GetDialogsRequest(
        offset_date=after.date if after else None,
        offset_id=after.id if after else 0,
        offset_peer=types.InputPeerEmpty(),
        limit=limit,
        hash=more.pop("hash", 0),
        **more,
    )


def history(peer: Any, *, limit: int = 100, **more: Any) -> Any:
    offsets = {"offset_id": 0, "offset_date": None, "add_offset": 0, "max_id": 0, "min_id": 0, "hash": 0}
    return messages.GetHistoryRequest(peer=peer, limit=limit, **{**offsets, **more})


def to(device: Device, account: Account) -> Any:
    """The account as this device may address it."""
    return types.InputPeerUser(
        account.id, device.bench.world.viewers.of(device.authorization.hash).access_hash("user", account.id)
    )


def send(peer: Any, text: str, random_id: int = 1, **more: Any) -> Any:
    return messages.SendMessageRequest(peer=peer, message=text, random_id=random_id, **more)


def first_peer(device: Device) -> Any:
    found = device(dialogs())
    users = {user.id: user for user in found.users}
    peer = next(each.peer for each in found.dialogs if isinstance(each.peer, types.PeerUser))
    return types.InputPeerUser(peer.user_id, users[peer.user_id].access_hash)


# ---- dialogs


def test_dialogs_come_newest_first_with_their_top_messages_and_peers(device: Device) -> None:
    found = device(dialogs())
    tops = {(type(m.peer_id), getattr(m.peer_id, "user_id", None) or m.peer_id.chat_id): m for m in found.messages}
    dates = [tops[type(d.peer), getattr(d.peer, "user_id", None) or d.peer.chat_id].date for d in found.dialogs]
    assert len(found.dialogs) == 4
    assert dates == sorted(dates, reverse=True)
    assert isinstance(found, types.messages.Dialogs)


def test_going_through_them_in_pages_meets_each_once(device: Device) -> None:
    seen: list[Any] = []
    page = device(dialogs(1))
    while page.dialogs:
        assert isinstance(page, types.messages.DialogsSlice) and page.count == 4
        seen.append(str(page.dialogs[0].peer))
        page = device(dialogs(1, after=page.messages[0]))
    assert len(seen) == len(set(seen)) == 4


def test_an_offset_may_be_a_date_or_a_peer(device: Device) -> None:
    found = device(dialogs())
    second = found.dialogs[1]
    by_date = messages.GetDialogsRequest(
        offset_date=found.messages[1].date, offset_id=0, offset_peer=types.InputPeerEmpty(), limit=9, hash=0
    )
    assert [each.top_message for each in device(by_date).dialogs] == [each.top_message for each in found.dialogs[2:]]
    peer = second.peer
    user = {each.id: each for each in found.users}
    given = (
        types.InputPeerChat(peer.chat_id)
        if isinstance(peer, types.PeerChat)
        else types.InputPeerUser(peer.user_id, user[peer.user_id].access_hash)
    )
    by_peer = messages.GetDialogsRequest(offset_date=None, offset_id=0, offset_peer=given, limit=9, hash=0)
    assert [each.top_message for each in device(by_peer).dialogs] == [each.top_message for each in found.dialogs[2:]]


def test_a_pinned_dialog_stands_first_and_can_be_left_out(device: Device) -> None:
    last = device(dialogs()).dialogs[-1]
    user = {each.id: each for each in device(dialogs()).users}[last.peer.user_id]
    pinned = types.InputDialogPeer(types.InputPeerUser(user.id, user.access_hash))
    assert device(messages.ToggleDialogPinRequest(peer=pinned, pinned=True)) is True
    assert device(dialogs()).dialogs[0].peer.user_id == user.id
    assert len(device(dialogs(exclude_pinned=True)).dialogs) == 3
    assert [each.peer.user_id for each in device(messages.GetPinnedDialogsRequest(folder_id=0)).dialogs] == [user.id]
    assert device(messages.ToggleDialogPinRequest(peer=pinned)) is True
    assert not device(messages.GetPinnedDialogsRequest(folder_id=0)).dialogs


def test_nothing_is_archived(device: Device) -> None:
    assert not device(dialogs(folder_id=1)).dialogs
    assert len(device(dialogs(folder_id=0)).dialogs) == 4


def test_dialogs_known_already_are_not_sent_again(device: Device) -> None:
    held = fold(each.top_message for each in device(dialogs()).dialogs)
    assert isinstance(device(dialogs(hash=held)), types.messages.DialogsNotModified)


def test_one_dialog_can_be_asked_for_even_an_empty_one(device: Device) -> None:
    asked = messages.GetPeerDialogsRequest(
        peers=[types.InputDialogPeer(SELF), types.InputDialogPeer(first_peer(device))]
    )
    found = device(asked)
    assert [bool(each.top_message) for each in found.dialogs] == [False, True]
    assert found.state.pts == device(functions.updates.GetStateRequest()).pts


# ---- history


def test_a_history_is_sliced_until_it_is_whole(device: Device) -> None:
    peer = first_peer(device)
    page = device(history(peer, limit=10))
    assert isinstance(page, types.messages.MessagesSlice)
    assert page.count == len(device(history(peer)).messages)
    assert isinstance(device(history(peer)), types.messages.Messages)
    older = device(history(peer, limit=10, offset_id=page.messages[-1].id))
    assert [m.id for m in older.messages] == [m.id for m in device(history(peer)).messages[10:20]]


def test_the_ways_of_a_private_message_are_told_apart(device: Device, ada: Account) -> None:
    found = device(history(first_peer(device))).messages
    outgoing = [m for m in found if m.out]
    incoming = [m for m in found if not m.out]
    assert outgoing and all(m.from_id.user_id == ada.id for m in outgoing)
    assert incoming and all(m.from_id is None for m in incoming)  # it can only be the peer


def test_a_history_known_already_is_not_sent_again(device: Device) -> None:
    peer = first_peer(device)
    held = fold(m.id for m in device(history(peer)).messages)
    assert isinstance(device(history(peer, hash=held)), types.messages.MessagesNotModified)
    assert isinstance(device(history(peer, hash=held ^ 1)), types.messages.Messages)


def test_messages_come_by_id_in_the_order_asked_and_missing_ones_are_empty(device: Device) -> None:
    asked = [types.InputMessageID(3), types.InputMessageID(99_999), types.InputMessageID(1)]
    found = device(messages.GetMessagesRequest(id=asked)).messages
    assert [m.id for m in found] == [3, 99_999, 1]
    assert isinstance(found[1], types.MessageEmpty)


def test_no_more_than_a_hundred_by_id(device: Device) -> None:
    asked = [types.InputMessageID(number) for number in range(101)]
    assert device.refused(messages.GetMessagesRequest(id=asked)) == "LIMIT_INVALID"


@pytest.mark.parametrize(
    ("peer", "error"),
    [
        (types.InputPeerUser(999_999_999, 1), "PEER_ID_INVALID"),
        (types.InputPeerChat(999), "PEER_ID_INVALID"),
        (types.InputPeerEmpty(), "PEER_ID_INVALID"),
        (types.InputPeerChannel(5, 1), "CHANNEL_INVALID"),
    ],
)
def test_a_peer_this_login_does_not_know_is_invalid(device: Device, peer: Any, error: str) -> None:
    for request in (history(peer), send(peer, "hi"), messages.ReadHistoryRequest(peer=peer, max_id=0)):
        assert device.refused(request) == error


def test_an_access_hash_of_another_login_is_foreign(bench: Bench, device: Device, ada: Account) -> None:
    peer = first_peer(device)
    other = bench.device(ada)
    assert other.refused(history(peer)) == "PEER_ID_INVALID"
    assert other.refused(send(peer, "hi")) == "PEER_ID_INVALID"


def test_a_group_is_closed_to_those_who_are_not_in_it(bench: Bench, device: Device, bob: Account) -> None:
    chat_id = next(each.peer.chat_id for each in device(dialogs()).dialogs if isinstance(each.peer, types.PeerChat))
    assert device(history(types.InputPeerChat(chat_id)))
    assert bench.device(bob).refused(history(types.InputPeerChat(chat_id))) == "PEER_ID_INVALID"


# ---- sending


def test_a_private_message_is_answered_short_and_lies_in_both_boxes(
    bench: Bench, device: Device, ada: Account, bob: Account
) -> None:
    before = ada.box.pts
    answer = device(send(to(device, bob), "hello"))
    assert isinstance(answer, types.UpdateShortSentMessage)
    assert (answer.id, answer.pts, answer.pts_count, answer.out) == (251, before + 1, 1, True)
    [theirs] = bench.device(bob)(dialogs()).messages
    assert (theirs.id, theirs.message, theirs.out) == (1, "hello", False)


def test_one_random_id_is_one_message(device: Device, ada: Account, bob: Account) -> None:
    """What the prototype let pass: two messages for one random_id."""
    first = device(send(to(device, bob), "hello", random_id=7))
    again = device(send(to(device, bob), "hello", random_id=7))
    assert (again.id, again.pts, again.pts_count) == (first.id, ada.box.pts, 0)
    assert len(bob.box.dialogs) == 1 and bob.box.pts == 2
    assert device(send(to(device, bob), "hello", random_id=8)).id == first.id + 1


def test_one_random_id_is_one_message_from_every_device(bench: Bench, device: Device, ada: Account) -> None:
    first, again = device(send(SELF, "note", random_id=7)), bench.device(ada)(send(SELF, "note", random_id=7))
    assert first.updates[0].id == again.updates[0].id


def test_a_random_id_sent_to_somebody_else_is_a_mistake(device: Device, bob: Account) -> None:
    device(send(to(device, bob), "hello", random_id=7))
    assert device.refused(send(SELF, "hello", random_id=7)) == "RANDOM_ID_DUPLICATE"


def test_no_random_id_is_refused(device: Device) -> None:
    assert device.refused(send(SELF, "hello", random_id=0)) == "RANDOM_ID_EMPTY"


def test_nothing_and_too_much_are_refused_and_leave_no_trace(device: Device, ada: Account) -> None:
    before = ada.box.pts
    assert device.refused(send(SELF, " \n")) == "MESSAGE_EMPTY"
    assert device.refused(send(SELF, "x" * 4097)) == "MESSAGE_TOO_LONG"
    assert device.refused(send(SELF, "😀" * 2049)) == "MESSAGE_TOO_LONG"
    assert ada.box.pts == before
    assert device(send(SELF, "😀" * 2048))


def test_what_is_not_of_this_world_yet_is_refused_not_ignored(device: Device) -> None:
    assert device.refused(send(SELF, "later", schedule_date=2_000_000_000)) == "SCHEDULE_DATE_INVALID"
    story = types.InputReplyToStory(peer=SELF, story_id=1)
    assert device.refused(send(SELF, "re", reply_to=story)) == "REPLY_TO_INVALID"


def test_a_reply_names_its_message_and_must_stay_in_its_dialog(device: Device, bob: Account) -> None:
    first = device(send(to(device, bob), "one", random_id=1))
    reply = types.InputReplyToMessage(reply_to_msg_id=first.id)
    device(send(to(device, bob), "two", random_id=2, reply_to=reply))
    newest = device(history(to(device, bob))).messages[0]
    assert newest.reply_to.reply_to_msg_id == first.id
    assert device.refused(send(SELF, "three", random_id=3, reply_to=reply)) == "MESSAGE_ID_INVALID"


def test_entities_survive_on_both_sides(bench: Bench, device: Device, bob: Account) -> None:
    bold = types.MessageEntityBold(offset=0, length=2)
    answer = device(send(to(device, bob), "hi", entities=[bold]))
    [theirs] = bench.device(bob)(dialogs()).messages
    assert answer.entities[0].length == theirs.entities[0].length == 2


def test_a_note_to_oneself_is_one_message(device: Device, ada: Account) -> None:
    mapped, new = device(send(SELF, "note")).updates  # in full: Pyrogram's first example takes nothing else
    assert device(history(SELF)).messages[0].id == mapped.id == new.message.id
    assert ada.box.dialog(user(ada.id)).unread == 0


# ---- reading


def test_reading_moves_pts_once_and_tells_the_writer(bench: Bench, device: Device, ada: Account, bob: Account) -> None:
    theirs = bench.device(bob)
    for number in (1, 2, 3):
        device(send(to(device, bob), "hello", random_id=number))
    device.updates.clear()
    read = messages.ReadHistoryRequest(peer=to(theirs, ada), max_id=2)
    before = bob.box.pts
    answer = theirs(read)
    assert (answer.pts, answer.pts_count) == (before + 1, 1)
    assert theirs(dialogs()).dialogs[0].unread_count == 1
    [told] = device.updates[0].updates
    assert isinstance(told, types.UpdateReadHistoryOutbox) and told.max_id == 252
    assert (told.pts, told.pts_count) == (ada.box.pts, 1)
    again = theirs(read)
    assert (again.pts, again.pts_count) == (before + 1, 0)


def test_ones_other_devices_learn_what_was_read(bench: Bench, device: Device, ada: Account, bob: Account) -> None:
    device(send(to(device, bob), "hello"))
    reading, watching = bench.device(bob), bench.device(bob)
    reading(messages.ReadHistoryRequest(peer=to(reading, ada), max_id=0))
    [told] = watching.updates[0].updates
    assert isinstance(told, types.UpdateReadHistoryInbox)
    assert (told.max_id, told.still_unread_count) == (1, 0)
    assert not reading.updates
