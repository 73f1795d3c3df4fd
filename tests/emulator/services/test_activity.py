"""Typing: told to the others, at once, and kept nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.services.bench import Bench, Device
from emulator.services.test_messages import to
from telekeep.emulator.world import Account
from telekeep.mtproto.schema import functions, types

SetTyping = functions.messages.SetTypingRequest
TYPING = types.SendMessageTypingAction()


@pytest.fixture
def people(bench: Bench) -> list[Account]:
    found = [bench.world.add_account(f"999662123{each}", first_name=name) for each, name in enumerate(("Ada", "Bob"))]
    bench.world.meet(*found)
    return found


def test_the_other_side_sees_it_and_nobody_else(bench: Bench, people: list[Account]) -> None:
    ada, bob = people
    hers, laptop, his = bench.device(ada), bench.device(ada), bench.device(bob)
    assert hers(SetTyping(peer=to(hers, bob), action=TYPING)) is True
    [told] = his.updates
    assert isinstance(told, types.UpdateShort) and isinstance(told.update, types.UpdateUserTyping)
    assert (told.update.user_id, type(told.update.action)) == (ada.id, types.SendMessageTypingAction)
    assert not hers.updates and not laptop.updates


def test_it_is_no_event(bench: Bench, people: list[Account]) -> None:
    ada, bob = people
    before = bob.box.pts
    hers, his = bench.device(ada), bench.device(bob)
    hers(SetTyping(peer=to(hers, bob), action=TYPING))
    assert bob.box.pts == before
    missed = his(functions.updates.GetDifferenceRequest(pts=before, date=1, qts=0))
    assert isinstance(missed, types.updates.DifferenceEmpty)


def test_a_group_sees_who_it_is(bench: Bench, people: list[Account]) -> None:
    ada, bob = people
    group, _ = bench.world.create_chat(ada, "Club", [bob])
    hers, his = bench.device(ada), bench.device(bob)
    hers(SetTyping(peer=types.InputPeerChat(group.id), action=types.SendMessageCancelAction()))
    update: Any = his.updates[0].update
    assert (update.chat_id, update.from_id.user_id) == (group.id, ada.id)


def test_typing_to_oneself_or_to_a_foreign_hash_reaches_nobody(bench: Bench, people: list[Account]) -> None:
    ada, bob = people
    hers, laptop, his = bench.device(ada), bench.device(ada), bench.device(bob)
    assert hers(SetTyping(peer=types.InputPeerSelf(), action=TYPING)) is True
    assert hers.refused(SetTyping(types.InputPeerUser(bob.id, 1), TYPING)) == "PEER_ID_INVALID"
    assert not his.updates and not laptop.updates


def test_contents_that_need_no_reading_move_nothing(bench: Bench, people: list[Account]) -> None:
    answer: Device | Any = bench.device(people[0])(functions.messages.ReadMessageContentsRequest(id=[1]))
    assert (answer.pts, answer.pts_count) == (people[0].box.pts, 0)
