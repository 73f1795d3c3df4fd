from __future__ import annotations

from typing import Any

import pytest

from emulator.services.bench import Bench, Device
from telekeep.emulator.world import Account
from telekeep.mtproto.schema import functions, types

PHONE = "9996621234"
STATE = functions.updates.GetStateRequest()


@pytest.fixture
def ada(bench: Bench) -> Account:
    return bench.world.add_account(PHONE, first_name="Ada")


def difference(pts: int, **more: Any) -> Any:
    return functions.updates.GetDifferenceRequest(pts=pts, date=more.pop("date", 1), qts=0, **more)


def pts_of(update: Any) -> tuple[int, int]:
    """pts and pts_count of whatever form an update came in."""
    inner = update.updates[0] if isinstance(update, types.Updates) else update
    return inner.pts, inner.pts_count


def send(peer: Any, text: str, random_id: int) -> Any:
    return functions.messages.SendMessageRequest(peer=peer, message=text, random_id=random_id)


def test_a_first_contact_comes_in_full_and_the_next_message_short(bench: Bench, ada: Account) -> None:
    device = bench.device(ada)
    bench.world.send(PHONE, "one")
    bench.world.send(PHONE, "two")
    first, second = device.updates
    assert isinstance(first, types.Updates) and first.users[0].first_name
    assert isinstance(second, types.UpdateShortMessage)
    assert (second.message, second.user_id, second.out) == ("two", first.users[0].id, False)


def test_what_one_login_knows_another_may_not(bench: Bench, ada: Account) -> None:
    device = bench.device(ada)
    bench.world.send(PHONE, "one")
    fresh = bench.device(ada)
    bench.world.send(PHONE, "two")
    assert isinstance(device.updates[1], types.UpdateShortMessage)
    assert isinstance(fresh.updates[0], types.Updates)
    hashes = {device.updates[0].users[0].access_hash, fresh.updates[0].users[0].access_hash}
    assert len(hashes) == 2


def test_somebody_min_never_comes_short(bench: Bench, ada: Account) -> None:
    bob, eve = bench.world.add_account("9996625678"), bench.world.add_account("9996625679")
    bench.world.meet(ada, bob)
    bench.world.meet(ada, eve)
    group, _ = bench.world.create_chat(ada, "Club", [bob, eve])
    hers, his = bench.device(eve), bench.device(bob)
    for number in (1, 2):
        his(send(types.InputPeerChat(group.id), "hello", number))
    assert all(isinstance(each, types.Updates) for each in hers.updates)
    assert next(user for user in hers.updates[0].users if user.id == bob.id).min


def test_a_known_group_and_sender_come_short(bench: Bench, ada: Account) -> None:
    bob = bench.world.add_account("9996625678")
    bench.world.meet(ada, bob)
    device, theirs = bench.device(ada), bench.device(bob)
    group, _ = bench.world.create_chat(ada, "Club", [bob])
    for number in (1, 2):
        theirs(send(types.InputPeerChat(group.id), "hello", number))
    first, second = device.updates
    assert isinstance(first, types.Updates)
    assert isinstance(second, types.UpdateShortChatMessage)
    assert (second.chat_id, second.from_id) == (group.id, bob.id)


def test_pts_of_live_updates_is_a_chain_without_gaps(bench: Bench, ada: Account) -> None:
    device = bench.device(ada)
    pts = device(STATE).pts
    bench.world.send(PHONE, "hello", count=5)
    for update in device.updates:
        after, count = pts_of(update)
        assert after == pts + count
        pts = after
    assert device(STATE).pts == pts


def test_the_device_that_sent_gets_the_answer_and_the_others_the_update(bench: Bench, ada: Account) -> None:
    device, other = bench.device(ada), bench.device(ada)
    answer = device(send(types.InputPeerSelf(), "note", 1))
    assert not device.updates
    assert pts_of(other.updates[0]) == (answer.updates[1].pts, 1)
    assert other.updates[0].updates[0].message.out


def test_seq_belongs_to_the_authorization(bench: Bench, ada: Account) -> None:
    """What the prototype let pass: seq 0 always. Each login counts the numbered updates it was sent."""
    bob = bench.world.add_account("9996625678")
    bench.world.meet(ada, bob)
    device = bench.device(ada)
    bench.world.send(PHONE, "first contact")
    assert (device.updates[0].seq, device(STATE).seq) == (1, 1)
    late = bench.device(ada)
    assert late(STATE).seq == 0
    theirs = bench.device(bob)
    theirs(functions.messages.CreateChatRequest([hashed(theirs, ada)], "Two"))
    assert (device(STATE).seq, late(STATE).seq) == (2, 1)
    assert [update.seq for update in device.updates] == [1, 2]


def hashed(device: Device, account: Account) -> Any:
    return types.InputUser(
        account.id, device.bench.world.viewers.of(device.authorization.hash).access_hash("user", account.id)
    )


def test_an_answer_is_no_link_of_the_seq_chain(bench: Bench, ada: Account) -> None:
    bob = bench.world.add_account("9996625678")
    bench.world.meet(ada, bob)
    device = bench.device(ada)
    answer = device(functions.messages.CreateChatRequest([hashed(device, bob)], "Club"))
    assert answer.updates.seq == 0 and device(STATE).seq == 0


def test_who_was_away_catches_up_on_exactly_what_was_missed(bench: Bench, ada: Account) -> None:
    device = bench.device(ada)
    pts = device(STATE).pts
    assert isinstance(device(difference(pts)), types.updates.DifferenceEmpty)
    bench.world.send(PHONE, "hello", count=3)
    missed = device(difference(pts))
    assert isinstance(missed, types.updates.Difference)
    assert [message.id for message in missed.new_messages] == [1, 2, 3]
    assert missed.state.pts == device(STATE).pts == pts + 3
    assert {user.id for user in missed.users} >= {missed.new_messages[0].peer_id.user_id}


def test_reading_is_caught_up_on_too(bench: Bench, ada: Account) -> None:
    device = bench.device(ada)
    bench.world.send(PHONE, "hello")
    friend = bench.world.accounts[next(iter(ada.box.dialogs)).id]
    pts = device(STATE).pts
    peer = types.InputPeerUser(friend.id, hashed(device, friend).access_hash)
    device(functions.messages.ReadHistoryRequest(peer=peer, max_id=0))
    [update] = device(difference(pts)).other_updates
    assert isinstance(update, types.UpdateReadHistoryInbox)
    assert (update.pts, update.pts_count) == (pts + 1, 1)


def test_a_long_absence_comes_in_slices(bench: Bench, ada: Account) -> None:
    device = bench.device(ada)
    pts, seen = device(STATE).pts, []
    bench.world.send(PHONE, "hello", count=230)
    missed = device(difference(pts))
    while not isinstance(missed, types.updates.DifferenceEmpty):
        assert isinstance(missed, types.updates.DifferenceSlice | types.updates.Difference)
        seen += [message.id for message in missed.new_messages]
        pts = (missed.state if isinstance(missed, types.updates.Difference) else missed.intermediate_state).pts
        missed = device(difference(pts))
    assert seen == list(range(1, 231))


def test_a_client_that_would_rather_start_over_is_told_where(bench: Bench, ada: Account) -> None:
    device = bench.device(ada)
    pts = device(STATE).pts
    bench.world.send(PHONE, "hello", count=20)
    too_long = device(difference(pts, pts_total_limit=10))
    assert isinstance(too_long, types.updates.DifferenceTooLong)
    assert too_long.pts == pts + 20


def test_a_state_that_never_was_is_refused(bench: Bench, ada: Account) -> None:
    device = bench.device(ada)
    assert device.refused(difference(0)) == "PERSISTENT_TIMESTAMP_EMPTY"
    assert device.refused(difference(1_000)) == "PERSISTENT_TIMESTAMP_INVALID"
    assert device.refused(difference(1, date=None)) == "DATE_EMPTY"


def test_the_state_counts_what_is_unread(bench: Bench, ada: Account) -> None:
    device = bench.device(ada)
    bench.world.send(PHONE, "hello", count=3)
    assert device(STATE).unread_count == 3
