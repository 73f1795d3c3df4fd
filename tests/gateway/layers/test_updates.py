"""Whatever an older program is not told: it never sees a hole."""

from __future__ import annotations

import random

import pytest

from gateway.layers.objects import Objects
from gateway.layers.words import Words
from telekeep.gateway.layers import Untranslatable, served, translator
from telekeep.gateway.layers.fallbacks import FALLBACKS
from telekeep.gateway.layers.loom import Loom
from telekeep.gateway.layers.node import Convert, Node
from telekeep.gateway.layers.reading import Bounds
from telekeep.gateway.layers.table import Word, table
from telekeep.upstream.settle import no_op

NOW = Words(229)
ANNA = NOW("peerUser", user_id=5)


def told(layer: int, *updates: bytes, own: Words = NOW) -> list[Node]:
    there = translator(layer, own.layer)
    assert there is not None
    body = own("updates", updates=updates, users=[], chats=[], date=1, seq=0)
    return Words(layer).look(there.update(body)).children("updates")


def places(layer: int, data: Node) -> tuple[object, ...]:
    """Where an update stands: pts and pts_count, or qts."""
    names = [name for name in ("pts", "pts_count", "qts") if data.has(name)]
    return tuple(data.number(name) for name in names)


@pytest.mark.parametrize("layer", [layer for layer in served() if layer != 229])
def test_every_place_on_a_line_is_kept(layer: int) -> None:
    objects = Objects(table(229), random.Random(layer), depth=2)
    for word in table(229).kinds["Update"]:
        if {"pts_count", "qts"} & word.fields.keys():
            for _ in range(3):
                update = objects.word(word)
                wanted = places(229, NOW.look(update))
                assert [places(layer, each) for each in told(layer, update)] == [wanted], word


@pytest.mark.parametrize(("channel", "wanted"), [(None, "updateFolderPeers"), (9, "updateChannelWebPage")])
def test_what_cannot_be_told_takes_its_place_and_tells_nothing(
    channel: int | None, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # every layer has a table for it as yet: a message of which nothing can be told, not even that it is empty
    monkeypatch.delitem(FALLBACKS, "Message")
    there = Loom(229, 149, strict=False)
    peer = ANNA if channel is None else NOW("peerChannel", channel_id=channel)
    lost = Loom.word

    def word(self: Loom, word: Word, other: str) -> Convert:
        if word.name == "message":
            raise Untranslatable("message")
        return lost(self, word, other)

    monkeypatch.setattr(Loom, "word", word)
    kind = "updateNewMessage" if channel is None else "updateNewChannelMessage"
    message = NOW("message", id=1, peer_id=peer, date=2, message="hello")
    update = NOW(kind, message=message, pts=10, pts_count=1)
    made, end = there.convert("Update", "Update")(update, 0, Bounds(100))
    found = Words(149).look(made)
    assert end == len(update)
    assert found.word.name == wanted and places(149, found) == (10, 1)
    assert channel is None or found.number("channel_id") == channel
    assert NOW.look(bytes(no_op(channel, 10, 1))).word.name == wanted  # as the owner does it


def test_a_place_on_the_line_of_bots_is_taken_by_a_message_that_nobody_has() -> None:
    reaction = NOW(
        "updateBotMessageReaction", peer=ANNA, msg_id=1, date=1, actor=ANNA, old_reactions=[], new_reactions=[], qts=44
    )
    (found,) = told(149, reaction)
    assert found.word.name == "updateNewEncryptedMessage" and found.number("qts") == 44
    assert told(181, reaction)[0].word.name == "updateBotMessageReaction"


def test_what_has_no_place_and_no_word_is_left_out() -> None:
    story = NOW("updateReadStories", peer=ANNA, max_id=1)
    typing = NOW("updateUserTyping", user_id=5, action=NOW("sendMessageTypingAction"))
    assert [each.word.name for each in told(149, story, typing)] == ["updateUserTyping"]


def test_a_single_update_that_is_left_out_leaves_an_empty_list() -> None:
    there = translator(149, 229)
    assert there is not None
    short = NOW("updateShort", update=NOW("updateReadStories", peer=ANNA, max_id=1), date=9)
    empty = Words(149)("updates", updates=[], users=[], chats=[], date=9, seq=0)
    assert there.update(short) == empty


def test_a_new_message_arrives_whatever_it_holds() -> None:
    objects = Objects(table(229), random.Random(3), depth=3)
    for _ in range(100):
        message = objects.word(table(229).types["message"])
        (found,) = told(149, NOW("updateNewMessage", message=message, pts=10, pts_count=1))
        told_message, meant = found.child("message"), NOW.look(message)
        assert told_message is not None and told_message.word.name == "message"
        for name in ("id", "date"):
            assert told_message.number(name) == meant.number(name)
        assert told_message.data("message") == meant.data("message")
        assert told_message.raw("peer_id") == meant.raw("peer_id")


def test_the_short_forms_are_told() -> None:
    short = NOW("updateShortMessage", id=1, user_id=5, message="x", pts=3, pts_count=1, date=1)
    there = translator(149, 229)
    assert there is not None
    found = Words(149).look(there.update(short))
    assert found.word.name == "updateShortMessage" and found.data("message") == b"x"
    assert there.update(NOW("updatesTooLong")) == Words(149)("updatesTooLong")


@pytest.mark.parametrize("layer", [149, 181, 201])
def test_the_ways_to_take_a_place_and_tell_nothing_are_the_owners(layer: int) -> None:
    for update in (no_op(None, 10, 2), no_op(9, 10, 2)):
        data = bytes(update)
        assert [each.word.name for each in told(layer, data)] == [NOW.look(data).word.name]


def test_the_same_update_for_many_is_made_once() -> None:
    there = translator(155, 229)
    assert there is not None
    message = NOW("message", id=1, peer_id=ANNA, date=2, message="hello")
    more = [
        NOW(
            "updates",
            updates=[NOW("updateNewMessage", message=message, pts=number, pts_count=1)],
            users=[],
            chats=[],
            date=1,
            seq=0,
        )
        for number in range(600)
    ]
    first = [there.update(body) for body in more]
    assert there.update(more[-1]) is first[-1]
    assert there.update(more[0]) == first[0]
