"""Entries told as one: the same updates in the same order, and the same people; no more than show the same ones."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.test_entries import DATE, SERVICE, group, message, new, person
from telekeep.gateway.entries import Entry, Faces, entries_of
from telekeep.gateway.journal import Journal
from telekeep.gateway.together import together
from telekeep.mtproto.schema import read, types
from upstream.telling import FRIEND


def entries(*tellings: tuple[Any, list[Any], list[Any]], faces: Faces | None = None) -> list[Entry]:
    journal = Journal()
    return [
        journal.append(entry)
        for update, users, chats in tellings
        for entry in entries_of([update], users, chats, DATE, faces=faces)
    ]


def test_entries_that_show_the_same_people_are_one_with_them_once() -> None:
    ada = person(FRIEND)
    several = entries(*((new(number, 10 + number), [ada], [group(2)]) for number in (1, 2, 3)))
    (body,) = together(several)
    updates = [new(number, 10 + number) for number in (1, 2, 3)]
    assert body == bytes(types.Updates(updates, [ada], [group(2)], DATE, 0))


def test_one_that_shows_others_is_told_apart_and_in_its_place() -> None:
    ada, bob = person(FRIEND), person(1)
    several = entries(*((new(number, 10 + number), [who], []) for number, who in enumerate((ada, ada, bob, ada), 1)))
    bodies = [read(body) for body in together(several)]
    assert [[update.pts for update in each.updates] for each in bodies] == [[11, 12], [13], [14]]
    assert [[user.id for user in each.users] for each in bodies] == [[FRIEND], [1], [FRIEND]]


def test_what_quotes_the_service_chat_stays_hidden() -> None:
    """Its entry was written anew without what it said: nobody knows where its people begin."""
    reply = types.MessageReplyHeader(reply_to_peer_id=types.PeerUser(SERVICE), quote_text="Login code: 12345")
    quoting = types.UpdateNewMessage(message=message(2, reply_to=reply), pts=12, pts_count=1)
    several = entries((new(1, 11), [], []), (quoting, [], []), (new(3, 13), [], []))
    bodies = together(several)
    assert len(bodies) == 3
    assert b"12345" not in b"".join(bodies)


def test_entries_that_were_read_from_the_disk_are_told_as_they_are() -> None:
    typing = types.UpdateUserTyping(user_id=FRIEND, action=types.SendMessageTypingAction())
    made = entries((new(1, 11), [], []), (new(2, 12), [], []), (typing, [], []), (typing, [], []))
    several = [Entry.from_payload(each.number, each.to_payload()) for each in made]
    assert together(several) == [each.body for each in made]


def test_it_is_made_once_for_all_who_are_told_the_same() -> None:
    journal = Journal()
    several = [journal.append(entry) for each in (1, 2) for entry in entries_of([new(each, 10 + each)], [], [], DATE)]
    assert journal.told(several) is journal.told(list(several))
    assert journal.told(several[1:]) == [several[1].body]
    assert len(read(journal.told(several)[0]).updates) == 2


@given(st.lists(st.sampled_from([(), (1,), (2,), (1, 2)]), min_size=1, max_size=250))
def test_nothing_is_lost_nor_told_twice_nor_out_of_order(shown: list[tuple[int, ...]]) -> None:
    several = entries(*((new(n, n), [person(who) for who in people], []) for n, people in enumerate(shown, 1)))
    told = [
        (update.pts, [user.id for user in each.users])
        for body in together(several)
        for each in [read(body)]
        for update in each.updates
    ]
    assert told == [(n, list(people)) for n, people in enumerate(shown, 1)]
    assert all(len(read(body).updates) <= 100 for body in together(several))
