"""Editing, deleting, reacting: on every side, under each side's own numbers, and who may not."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.services.bench import Bench, Device
from emulator.services.test_messages import dialogs, history, send, to
from telekeep.emulator.world import Account
from telekeep.mtproto.schema import functions, types

messages = functions.messages
SELF = types.InputPeerSelf()


@pytest.fixture
def ada(bench: Bench) -> Account:
    return bench.world.add_account("9996621234", first_name="Ada", messages=5)


@pytest.fixture
def bob(bench: Bench, ada: Account) -> Account:
    account = bench.world.add_account("9996625678", first_name="Bob")
    bench.world.meet(ada, account)
    return account


@pytest.fixture
def hers(bench: Bench, ada: Account) -> Device:
    return bench.device(ada)


@pytest.fixture
def his(bench: Bench, bob: Account) -> Device:
    return bench.device(bob)


def edit(peer: Any, message_id: int, text: str | None, **more: Any) -> Any:
    return messages.EditMessageRequest(peer=peer, id=message_id, message=text, **more)


def delete(*ids: int, revoke: bool = True) -> Any:
    return messages.DeleteMessagesRequest(id=list(ids), revoke=revoke)


def react(peer: Any, message_id: int, *emoticons: str) -> Any:
    return messages.SendReactionRequest(
        peer=peer, msg_id=message_id, reaction=[types.ReactionEmoji(each) for each in emoticons]
    )


def difference(pts: int) -> Any:
    return functions.updates.GetDifferenceRequest(pts=pts, date=1, qts=0)


def news(device: Device) -> Any:
    """The one update this device was pushed since it was last asked."""
    [pushed] = device.updates
    device.updates.clear()
    [update] = pushed.updates
    return update


def group_of(bench: Bench, ada: Account, bob: Account) -> tuple[Any, Any]:
    eve = bench.world.add_account("9996625679", first_name="Eve")
    bench.world.meet(ada, eve)
    group, _ = bench.world.create_chat(ada, "Club", [bob, eve])
    return types.InputPeerChat(group.id), eve


# ---- editing


def test_an_edit_reaches_the_other_side_under_its_own_id_and_pts(
    hers: Device, his: Device, ada: Account, bob: Account
) -> None:
    sent = hers(send(to(hers, bob), "helo"))
    his.updates.clear()
    answer = hers(edit(to(hers, bob), sent.id, "hello"))
    [own] = answer.updates
    assert isinstance(own, types.UpdateEditMessage)
    assert (own.message.id, own.message.message, own.pts, own.pts_count) == (sent.id, "hello", ada.box.pts, 1)
    assert own.message.edit_date is not None and own.message.date == sent.date
    told = news(his)
    assert isinstance(told, types.UpdateEditMessage)
    assert (told.message.id, told.message.message, told.pts) == (1, "hello", bob.box.pts)
    assert his(history(to(his, ada))).messages[0].message == "hello"


def test_an_edit_is_caught_up_on(hers: Device, his: Device, bob: Account) -> None:
    sent = hers(send(to(hers, bob), "helo"))
    pts = bob.box.pts
    hers(edit(to(hers, bob), sent.id, "hello"))
    [update] = his(difference(pts)).other_updates
    assert isinstance(update, types.UpdateEditMessage)
    assert (update.message.message, update.pts, update.pts_count) == ("hello", pts + 1, 1)


def test_formatting_alone_is_an_edit_and_nothing_at_all_is_none(hers: Device, ada: Account) -> None:
    sent = hers(send(SELF, "hello")).updates[0]
    pts = ada.box.pts
    assert hers.refused(edit(SELF, sent.id, "hello")) == "MESSAGE_NOT_MODIFIED"
    assert hers.refused(edit(SELF, sent.id, None)) == "MESSAGE_NOT_MODIFIED"
    assert ada.box.pts == pts
    bold = types.MessageEntityBold(offset=0, length=5)
    assert hers(edit(SELF, sent.id, "hello", entities=[bold])).updates[0].message.entities == [bold]


def test_only_its_author_edits_a_message(hers: Device, his: Device, ada: Account, bob: Account) -> None:
    hers(send(to(hers, bob), "hello"))
    assert his.refused(edit(to(his, ada), 1, "goodbye")) == "MESSAGE_AUTHOR_REQUIRED"


def test_an_edit_needs_a_message_of_this_dialog_and_a_text(bench: Bench, hers: Device, ada: Account, bob: Any) -> None:
    sent = hers(send(SELF, "hello")).updates[0]
    assert hers.refused(edit(SELF, 9_999, "x")) == "MESSAGE_ID_INVALID"
    assert hers.refused(edit(to(hers, bob), sent.id, "x")) == "MESSAGE_ID_INVALID"
    assert hers.refused(edit(SELF, sent.id, " ")) == "MESSAGE_EMPTY"
    assert hers.refused(edit(SELF, sent.id, "x" * 4097)) == "MESSAGE_TOO_LONG"
    assert hers.refused(edit(SELF, sent.id, "x", schedule_date=2_000_000_000)) == "SCHEDULE_DATE_INVALID"
    club, _ = group_of(bench, ada, bob)
    [service] = hers(history(club)).messages
    assert hers.refused(edit(club, service.id, "x")) == "MESSAGE_ID_INVALID"


# ---- deleting


def test_revoked_messages_are_gone_on_both_sides(hers: Device, his: Device, ada: Account, bob: Account) -> None:
    ids = [hers(send(to(hers, bob), "x", random_id=each)).id for each in (1, 2, 3)]
    his.updates.clear()
    before = ada.box.pts
    answer = hers(delete(*ids[:2]))
    assert (answer.pts, answer.pts_count) == (before + 2, 2)
    told = news(his)
    assert isinstance(told, types.UpdateDeleteMessages)
    assert (told.messages, told.pts, told.pts_count) == ([1, 2], bob.box.pts, 2)
    assert [each.id for each in his(history(to(his, ada))).messages] == [3]
    assert his(dialogs()).dialogs[0].unread_count == 1
    found = his(messages.GetMessagesRequest(id=[types.InputMessageID(1)])).messages
    assert isinstance(found[0], types.MessageEmpty)


def test_without_revoking_the_other_side_keeps_it(hers: Device, his: Device, ada: Account, bob: Account) -> None:
    sent = hers(send(to(hers, bob), "x"))
    his.updates.clear()
    hers(delete(sent.id, revoke=False))
    assert not his.updates and len(his(history(to(his, ada))).messages) == 1
    assert not hers(history(to(hers, bob))).messages


def test_either_side_of_a_private_dialog_may_revoke(hers: Device, his: Device, ada: Account, bob: Account) -> None:
    sent = hers(send(to(hers, bob), "x"))
    his(delete(1))
    assert ada.box.message(sent.id) is None
    assert news(hers).messages == [sent.id]


def test_what_was_deleted_before_is_passed_over(hers: Device, ada: Account) -> None:
    sent = hers(send(SELF, "x")).updates[0]
    assert hers(delete(sent.id, sent.id, 9_999)).pts_count == 1
    pts = ada.box.pts
    again = hers(delete(sent.id))
    assert (again.pts, again.pts_count) == (pts, 0)
    assert hers(send(SELF, "y", random_id=2)).updates[0].id == sent.id + 1, "an id is never given twice"


def test_a_message_sent_and_deleted_meanwhile_shows_up_as_deleted_only(hers: Device, his: Device, bob: Account) -> None:
    pts = bob.box.pts
    one, _two = [hers(send(to(hers, bob), each, random_id=ord(each))).id for each in "ab"]
    hers(edit(to(hers, bob), one, "c"))
    hers(delete(one))
    missed = his(difference(pts))
    assert [each.message for each in missed.new_messages] == ["b"]
    [gone] = missed.other_updates
    assert isinstance(gone, types.UpdateDeleteMessages) and gone.messages == [1]
    assert missed.state.pts == bob.box.pts


def test_a_dialog_without_messages_is_listed_no_more(hers: Device, bob: Account) -> None:
    count = len(hers(dialogs()).dialogs)
    sent = hers(send(to(hers, bob), "x"))
    assert len(hers(dialogs()).dialogs) == count + 1
    hers(delete(sent.id))
    assert len(hers(dialogs()).dialogs) == count


def test_in_a_group_only_its_creator_revokes_what_others_wrote(
    bench: Bench, hers: Device, his: Device, ada: Account, bob: Account
) -> None:
    club, eve = group_of(bench, ada, bob)
    theirs = bench.device(eve)
    his(send(club, "mine"))
    mine = bob.box.dialogs[next(each for each in bob.box.dialogs if each.kind == "chat")].messages[-1].id
    assert theirs.refused(delete(eve.box.last_id)) == "MESSAGE_DELETE_FORBIDDEN"
    assert theirs(delete(eve.box.last_id, revoke=False)).pts_count == 1
    assert bob.box.message(mine) is not None
    hers(delete(ada.box.last_id))
    assert bob.box.message(mine) is None


# ---- reacting


def test_a_reaction_is_told_to_the_author_and_moves_no_pts(
    hers: Device, his: Device, ada: Account, bob: Account
) -> None:
    sent = hers(send(to(hers, bob), "hello"))
    before = ada.box.pts, bob.box.pts
    [answer] = his(react(to(his, ada), 1, "👍")).updates
    assert answer.reactions.results[0].chosen_order == 0
    told = news(hers)
    assert isinstance(told, types.UpdateMessageReactions)
    assert (told.msg_id, told.peer.user_id) == (sent.id, bob.id)
    [count] = told.reactions.results
    assert (count.reaction.emoticon, count.count, count.chosen_order) == ("👍", 1, None)
    assert told.reactions.recent_reactions[0].peer_id.user_id == bob.id
    assert (ada.box.pts, bob.box.pts) == before
    assert hers(history(to(hers, bob))).messages[0].reactions.results == told.reactions.results


def test_a_reaction_is_replaced_and_taken_back(hers: Device, his: Device, ada: Account, bob: Account) -> None:
    sent = hers(send(to(hers, bob), "hello"))
    hers(react(to(hers, bob), sent.id, "👍"))
    his(react(to(his, ada), 1, "👍"))
    asked = messages.GetMessagesReactionsRequest(peer=to(hers, bob), id=[sent.id])
    assert [each.count for each in hers(asked).updates[0].reactions.results] == [2]
    his(react(to(his, ada), 1, "🔥"))
    assert [each.reaction.emoticon for each in hers(asked).updates[0].reactions.results] == ["👍", "🔥"]
    his(react(to(his, ada), 1))
    assert [each.count for each in hers(asked).updates[0].reactions.results] == [1]
    assert his.refused(react(to(his, ada), 1)) == "MESSAGE_NOT_MODIFIED"


def test_reactions_that_are_none_are_refused(hers: Device, bob: Account) -> None:
    sent = hers(send(to(hers, bob), "hello"))
    where = to(hers, bob)
    assert hers.refused(react(where, sent.id, "👍", "🔥")) == "REACTIONS_TOO_MANY"
    assert hers.refused(react(where, sent.id, "x")) == "REACTION_INVALID"
    custom = messages.SendReactionRequest(where, sent.id, reaction=[types.ReactionCustomEmoji(5)])
    assert hers.refused(custom) == "REACTION_INVALID"
    assert hers.refused(react(SELF, sent.id, "👍")) == "MESSAGE_ID_INVALID"
    assert hers.refused(messages.GetMessagesReactionsRequest(SELF, [sent.id])) == "MESSAGE_ID_INVALID"
    hers(react(where, sent.id, "❤️"))
    assert hers.refused(react(where, sent.id, "❤️")) == "MESSAGE_NOT_MODIFIED"
