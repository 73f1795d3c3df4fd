"""What the service chat says reaches nobody, and nothing else is changed."""

from __future__ import annotations

import gzip
import struct
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telekeep.gateway.asked import Refused
from telekeep.gateway.redact import HIDDEN, hide, without_service_chat
from telekeep.mtproto.schema import GZIP_PACKED, VECTOR, TLObject, build, pack, read, types, vector

CODE = "Login code: 12345"
SERVICE, FRIEND = types.PeerUser(777000), types.PeerUser(5)
WHEN = datetime(2024, 5, 6, tzinfo=UTC)


def message(peer: Any, text: str = CODE, number: int = 1, **more: Any) -> Any:
    return build(types.Message, id=number, peer_id=peer, date=WHEN, message=text, **more)


def rich() -> Any:
    """A message of the service chat with all that words can hide in."""
    page = types.WebPagePending(1, WHEN, url=CODE)
    return message(
        SERVICE,
        entities=[types.MessageEntityTextUrl(0, 5, CODE)],
        media=types.MessageMediaWebPage(page),
        reply_markup=types.ReplyKeyboardMarkup([], placeholder=CODE),
        post_author=CODE,
        fwd_from=types.MessageFwdHeader(WHEN, from_name=CODE),
        reply_to=types.MessageReplyHeader(quote_text=CODE),
        restriction_reason=[types.RestrictionReason("all", "x", CODE)],
        factcheck=types.FactCheck(1, country="de", text=types.TextWithEntities(CODE, [])),
    )


def forwarded(peer: Any, **header: Any) -> Any:
    return message(peer, fwd_from=types.MessageFwdHeader(WHEN, **header))


def service(peer: Any) -> Any:
    return types.MessageService(id=2, peer_id=peer, date=WHEN, action=types.MessageActionCustomAction(CODE))


def dialog(peer: Any, draft: Any = None) -> Any:
    return build(
        types.Dialog,
        **dict.fromkeys(("read_inbox_max_id", "read_outbox_max_id", "unread_count", "unread_mentions_count"), 0),
        **dict.fromkeys(("unread_reactions_count", "unread_poll_votes_count"), 0),
        peer=peer,
        top_message=1,
        notify_settings=types.PeerNotifySettings(),
        draft=draft,
    )


def messages(*inside: Any) -> Any:
    return build(types.messages.Messages, messages=list(inside), topics=[], chats=[], users=[])


def updates(*inside: Any) -> Any:
    return types.Updates(list(inside), [], [], WHEN, 0)


def new(inside: Any) -> Any:
    return types.UpdateNewMessage(inside, 1, 1)


def short(user_id: int, **more: Any) -> Any:
    return types.UpdateShortMessage(1, user_id, CODE, 1, 1, WHEN, **more)


def draft(text: str = CODE, **more: Any) -> Any:
    return types.DraftMessage(text, WHEN, **more)


SPEAKING = {
    "getHistory": messages(rich(), message(FRIEND, "greetings")),
    "getHistory, a part": build(
        types.messages.MessagesSlice, count=9, messages=[rich()], topics=[], chats=[], users=[]
    ),
    "getDialogs": types.messages.Dialogs([dialog(SERVICE, draft())], [rich(), message(FRIEND, "greetings")], [], []),
    "getDialogs, a part": types.messages.DialogsSlice(9, [dialog(SERVICE)], [rich()], [], []),
    "getPeerDialogs": types.messages.PeerDialogs(
        [dialog(SERVICE)], [rich()], [], [], types.updates.State(1, 1, WHEN, 1, 1)
    ),
    "a service message": messages(service(SERVICE)),
    "updates": updates(new(message(FRIEND, "greetings")), new(rich())),
    "combined": types.UpdatesCombined([new(rich())], [], [], WHEN, 0, 1),
    "an edit": updates(types.UpdateEditMessage(rich(), 1, 1)),
    "a short one": types.UpdateShort(new(rich()), WHEN),
    "the shortest": short(777000, entities=[types.MessageEntityTextUrl(0, 5, CODE)]),
    "a notification": updates(
        types.UpdateServiceNotification(
            "AUTH", CODE, types.MessageMediaEmpty(), [types.MessageEntityTextUrl(0, 5, CODE)]
        )
    ),
    "a draft": updates(types.UpdateDraftMessage(SERVICE, draft())),
    "a difference": types.updates.Difference(
        [rich()], [], [new(rich())], [], [], types.updates.State(1, 1, WHEN, 1, 1)
    ),
    "forwarded to a friend": messages(forwarded(FRIEND, from_id=SERVICE)),
    "saved": messages(forwarded(FRIEND, saved_from_peer=SERVICE, saved_from_msg_id=1)),
    "saved, in its own list": messages(message(FRIEND, saved_peer_id=SERVICE)),
    "forwarded, shortest": short(5, fwd_from=types.MessageFwdHeader(WHEN, from_id=SERVICE)),
    "quoted": messages(
        message(
            FRIEND, "look", reply_to=types.MessageReplyHeader(reply_to_peer_id=SERVICE, quote=True, quote_text=CODE)
        )
    ),
    "quoted, shortest": types.UpdateShortMessage(
        *(1, 5, "look", 1, 1, WHEN), reply_to=types.MessageReplyHeader(reply_to_peer_id=SERVICE, quote_text=CODE)
    ),
    "quoted in a draft": updates(
        types.UpdateDraftMessage(
            FRIEND,
            draft(
                "look",
                reply_to=types.InputReplyToMessage(1, reply_to_peer_id=types.InputPeerUser(777000, 1), quote_text=CODE),
            ),
        )
    ),
}


@pytest.mark.parametrize("where", SPEAKING)
def test_not_a_word_of_it_comes_through(where: str) -> None:
    told = bytes(SPEAKING[where])
    assert CODE.encode() in told
    hidden = without_service_chat(told)
    assert CODE.encode() not in hidden
    assert type(read(hidden)) is type(SPEAKING[where])
    assert (b"greetings" in told) == (b"greetings" in hidden) and (b"look" in told) == (b"look" in hidden)
    assert without_service_chat(hidden) == hidden


@pytest.mark.parametrize("where", SPEAKING)
def test_updates_are_hidden_in_place_and_said_to_be(where: str) -> None:
    update = read(bytes(SPEAKING[where]))
    assert hide(update)
    assert CODE.encode() not in bytes(update)


def test_what_stays_says_when_and_that_something_was_hidden() -> None:
    found = read(without_service_chat(bytes(messages(rich(), service(SERVICE))))).messages
    assert [each.id for each in found] == [1, 2]
    assert found[0].message == HIDDEN and found[0].date == WHEN and found[0].peer_id == SERVICE
    assert isinstance(found[1].action, types.MessageActionEmpty)


QUIET = {
    "a friend": messages(message(FRIEND, CODE)),
    "a friend with a service message": messages(service(FRIEND)),
    "a friend's draft": updates(types.UpdateDraftMessage(FRIEND, draft())),
    "an empty draft there": updates(types.UpdateDraftMessage(SERVICE, types.DraftMessageEmpty(WHEN))),
    "somebody reads it": updates(types.UpdateReadHistoryOutbox(SERVICE, 1, 1, 1)),
    "a dialog": types.messages.Dialogs([dialog(SERVICE)], [message(FRIEND)], [], []),
    "a channel of that number": messages(message(types.PeerChannel(777000))),
    "a number": messages(message(FRIEND, grouped_id=777000)),
}


@pytest.mark.parametrize("where", QUIET)
def test_what_it_does_not_say_stays_byte_for_byte(where: str) -> None:
    told = bytes(QUIET[where])
    assert without_service_chat(told) is told
    assert not hide(read(told))


@pytest.mark.parametrize(
    "result",
    [b"", b"\0", pack(True), vector([]), b"noise" * 9],
)
def test_results_that_do_not_name_it_are_not_even_looked_at(result: bytes) -> None:
    assert without_service_chat(result) is result


def test_numbers_that_look_like_it_are_numbers() -> None:
    longs = vector([777000, 777000, 3])
    ints = struct.pack("<Ii4i", VECTOR, 4, 1, 777000, 0, 0)
    for result in (longs, ints):
        assert without_service_chat(result) is result


def test_a_file_may_hold_whatever_it_holds_and_is_not_read() -> None:
    part = bytes(types.upload.File(types.storage.FileJpeg(), 1, bytes(messages(rich())) * 50))
    assert without_service_chat(part) is part
    unreadable = part + bytes(4)
    assert without_service_chat(unreadable) is unreadable


def test_a_vector_of_messages_is_looked_through() -> None:
    told = vector([rich(), message(FRIEND, "greetings")])
    hidden = without_service_chat(told)
    assert CODE.encode() not in hidden and b"greetings" in hidden
    assert [each.id for each in read(hidden)] == [1, 1]


def test_a_packed_result_is_looked_into() -> None:
    def packed(data: bytes) -> bytes:
        return struct.pack("<I", GZIP_PACKED) + TLObject.serialize_bytes(gzip.compress(data))

    quiet = packed(bytes(messages(message(FRIEND, "greetings"))))
    assert without_service_chat(quiet) is quiet
    assert CODE.encode() not in bytes(read(without_service_chat(packed(bytes(messages(rich()))))))


def test_what_names_it_and_cannot_be_read_is_not_passed_on() -> None:
    told = bytes(messages(rich()))
    for spoiled in (told + bytes(4), told[:-4], struct.pack("<Iq", 0xDEADBEEF, 777000)):
        with pytest.raises(Refused) as caught:
            without_service_chat(spoiled)
        assert caught.value.code == 500


@given(st.data())
def test_a_spoiled_result_is_refused_or_passed_on_but_breaks_nothing(data: st.DataObject) -> None:
    told = bytearray(SPEAKING[data.draw(st.sampled_from(sorted(SPEAKING)))]._bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        told[data.draw(st.integers(0, len(told) - 1))] = data.draw(st.integers(0, 255))
    try:
        result = without_service_chat(bytes(told))
    except Refused:
        return
    if result != bytes(told):
        read(result)


def test_a_large_history_without_it_costs_next_to_nothing() -> None:
    result = bytes(messages(*(message(FRIEND, "x" * 1000, number) for number in range(500))))

    def once() -> float:
        before = time.thread_time()
        without_service_chat(result)
        return time.thread_time() - before

    assert min(once() for _ in range(20)) < 0.005
