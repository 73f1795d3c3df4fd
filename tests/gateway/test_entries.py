"""Entries: one for each update, with whom it names, ready to be sent; nothing of the service chat in them."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon._updates import MessageBox

from telekeep.gateway.entries import Entry, Faces, entries_of
from telekeep.gateway.in_part import in_part
from telekeep.mtproto.schema import LAYER, read, types
from telekeep.session.model import Peer, PeerKind
from telekeep.upstream.settle import QTS, settle
from upstream.telling import CHANNEL, FRIEND, LOG, ME, Client, Clock, Line, in_loop, label

SERVICE = 777000
ADA = 41_000_000
DATE = 1_700_000_000
CODE = "Login code: 12345"


def person(number: int, **fields: Any) -> Any:
    return types.User(id=number, access_hash=number, first_name=f"user {number}", **fields)


def group(number: int) -> Any:
    return types.Chat(id=number, title="g", photo=types.ChatPhotoEmpty(), participants_count=2, date=None, version=1)


def message(number: int, *, peer: Any = None, text: str = "hi", **fields: Any) -> Any:
    return types.Message(id=number, peer_id=peer or types.PeerUser(FRIEND), date=DATE, message=text, **fields)


def new(number: int, pts: int, *, count: int = 1, **fields: Any) -> Any:
    return types.UpdateNewMessage(message=message(number, **fields), pts=pts, pts_count=count)


def told(entry: Entry) -> Any:
    return read(entry.body)


def named(entry: Entry) -> set[int]:
    updates = told(entry)
    return {each.id for each in (*updates.users, *updates.chats)}


def test_an_entry_is_the_update_as_telegram_would_send_it_but_for_seq() -> None:
    users, chats = [person(FRIEND), person(1)], [group(2)]
    update = new(5, 12)
    (entry,) = entries_of([update], users, chats, datetime.fromtimestamp(DATE, UTC))
    assert entry.body == bytes(types.Updates([update], users, chats, DATE, 0))
    assert (entry.line, entry.pts_from, entry.pts_to, entry.date, entry.advances) == (None, 11, 12, DATE, True)
    assert (entry.number, entry.origin) == (0, None)


def test_each_update_is_an_entry_on_its_line() -> None:
    in_channel = types.UpdateNewChannelMessage(message=message(3, peer=types.PeerChannel(CHANNEL)), pts=7, pts_count=1)
    updates = [
        new(5, 12),
        types.UpdateDeleteMessages(messages=[1, 2], pts=14, pts_count=2),
        in_channel,
        types.UpdateReadChannelInbox(channel_id=CHANNEL, max_id=3, still_unread_count=0, pts=7),
        types.UpdateBotStopped(user_id=FRIEND, date=DATE, stopped=True, qts=9),
        types.UpdateUserTyping(user_id=FRIEND, action=types.SendMessageTypingAction()),
        types.UpdateChannelTooLong(channel_id=CHANNEL, pts=99),
    ]
    entries = entries_of(updates, [], [], DATE)
    assert [(each.line, each.pts_from, each.pts_to) for each in entries] == [
        (None, 11, 12),
        (None, 12, 14),
        (CHANNEL, 6, 7),
        (CHANNEL, 7, 7),
        (QTS, 8, 9),
        (None, 0, 0),
        (None, 0, 0),
    ]
    assert [each.advances for each in entries] == [True, True, True, False, True, False, False]


def test_an_entry_of_many_names_only_whom_its_update_names() -> None:
    """A difference of 500 messages does not carry everybody 500 times."""
    users, chats = [person(1000 + number) for number in range(100)], [group(5000 + number) for number in range(20)]
    updates = [
        new(number, 10 + number, peer=types.PeerUser(1000 + number % 100), from_id=types.PeerUser(1001))
        for number in range(1, 500)
    ]
    entries = entries_of(updates, users, chats, DATE)
    assert [named(entry) for entry in entries] == [{1000 + number % 100, 1001} for number in range(1, 500)]


@pytest.mark.parametrize(
    "fields",
    [
        {"from_id": types.PeerUser(ADA)},
        {"fwd_from": types.MessageFwdHeader(date=DATE, from_id=types.PeerUser(ADA))},
        {"via_bot_id": ADA},
        {"entities": [types.MessageEntityMentionName(offset=0, length=2, user_id=ADA)]},
        {"reply_to": types.MessageReplyHeader(reply_to_msg_id=3, reply_to_peer_id=types.PeerChannel(ADA))},
        {"media": types.MessageMediaContact(phone_number="", first_name="", last_name="", vcard="", user_id=ADA)},
        {"peer": types.PeerChat(ADA)},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_whoever_a_message_names_comes_along(fields: Any) -> None:
    who = person(ADA) if "reply_to" not in fields and "peer" not in fields else group(ADA)
    users, chats = ([who], []) if isinstance(who, types.User) else ([], [who])
    first, second = entries_of([new(5, 12, **fields), new(6, 13)], users, chats, DATE)
    assert named(first) == {ADA} and named(second) == set()


def test_whoever_was_added_comes_along() -> None:
    service = types.MessageService(
        id=4, peer_id=types.PeerChat(9), date=DATE, action=types.MessageActionChatAddUser(users=[1, 2])
    )
    update = types.UpdateNewMessage(message=service, pts=12, pts_count=1)
    first, _ = entries_of([update, new(6, 13)], [person(1), person(2), person(3)], [group(9)], DATE)
    assert named(first) == {1, 2, 9}


def test_faces_bring_whom_telegram_does_not_name_any_more() -> None:
    """It names nobody whom the authorization has met; a borrower that is new has met nobody."""
    faces = Faces()
    entries_of([new(5, 12)], [person(FRIEND)], [group(9)], DATE, faces=faces)
    (entry,) = entries_of(
        [new(6, 13, peer=types.PeerChat(9), from_id=types.PeerUser(FRIEND))], [], [], DATE, faces=faces
    )
    assert named(entry) == {FRIEND, 9}
    (given,) = entries_of([new(7, 14)], [person(FRIEND)], [], DATE, faces=faces)
    assert len(told(given).users) == 1


def test_faces_are_bounded_and_take_nobody_in_part() -> None:
    faces = Faces(capacity=2)
    for number in (1, 2, 1, 3):
        entries_of([new(5, 12)], [person(number), person(50, min=True)], [], DATE, faces=faces)
    (entry,) = entries_of(
        [new(6, 13, entities=[types.MessageEntityMentionName(0, 1, each) for each in (1, 2, 3, 50)])],
        [],
        [],
        DATE,
        faces=faces,
    )
    assert named(entry) == {1, 3}


def test_whom_no_entry_has_shown_is_named_in_part_if_the_owner_knows_them() -> None:
    """kurigram fails over a message of somebody who is not named; Telegram's short updates name nobody."""
    met = {
        (FRIEND, False): in_part(Peer(PeerKind.USER, FRIEND, 42, "bob", None, "Bob Ünal")),
        (9, True): in_part(Peer(PeerKind.CHAT, 9, None, None, None, "Family")),
    }
    faces = Faces(acquaintance=lambda number, chat: met.get((number, chat)))
    update = new(6, 13, peer=types.PeerChat(9), from_id=types.PeerUser(FRIEND))
    (entry,) = entries_of([update], [], [], DATE, faces=faces)
    [shown], [group] = told(entry).users, told(entry).chats
    assert (shown.id, shown.first_name, shown.username, shown.min) == (FRIEND, "Bob Ünal", "bob", True)
    assert (group.id, group.title) == (9, "Family")
    (whole,) = entries_of([update], [person(FRIEND)], [], DATE, faces=faces)
    assert [each.min for each in told(whole).users] == [False]
    assert in_part(Peer(PeerKind.CHANNEL, 5, 6, None, None, "News")) is None


def test_an_entry_knows_whose_call_it_comes_from() -> None:
    borrower = object()
    update = new(5, 12)
    update._origin = borrower
    first, second = entries_of([update, new(6, 13)], [], [], DATE)
    assert first.origin is borrower and second.origin is None


def test_a_short_form_is_no_entry() -> None:
    short = types.UpdateShortMessage(id=5, user_id=FRIEND, message="hi", pts=2, pts_count=1, date=DATE)
    for each in (short, types.UpdateShort(types.UpdateConfig(), DATE), types.Updates([], [], [], DATE, 0)):
        with pytest.raises(TypeError):
            entries_of([each], [], [], DATE)


# ---- what moves nothing


@given(st.integers(2, 6), st.integers(0, 3), st.lists(st.integers(0, 3), max_size=12), st.integers(1, 4))
def test_more_messages_than_room_are_each_delivered_once_by_a_stock_box(
    messages: int, room: int, again: list[int], dies_after: int
) -> None:
    """Told twice, or with the program restarted in between: a message box takes such an entry once and whole."""

    def work(clock: Clock) -> None:
        line = Line()
        for _ in range(messages):
            line.new()
        settled = settle(10, 11 + room, [line.message(each) for each in line.alive], [], report=lambda words: None)
        entries = entries_of(settled, [], [], DATE)
        assert all(entry.advances for entry in entries)
        heard: list[Any] = []

        def client(pts: int) -> Client:
            stock = Client(
                clock, MessageBox(LOG["messagebox"]), pytest.fail, lambda updates, *_: heard.extend(map(label, updates))
            )
            stock.load(pts, {})
            return stock

        first = client(10)
        for entry in [*entries[:dies_after], *[entries[each % len(entries)] for each in again if each < dies_after]]:
            first.tell(told(entry))
        first.run()
        second = client(first.pts()[0])
        for entry in entries:
            second.tell(told(entry))
        second.run()
        assert [each for each in heard if each] == line.labels and second.pts()[0] == 11 + room

    in_loop(work)


def test_what_moves_nothing_stays_alone_before_what_does_not_follow_it() -> None:
    mark = types.UpdateReadChannelInbox(channel_id=CHANNEL, max_id=3, still_unread_count=0, pts=7)
    elsewhere = new(5, 8)
    not_next = types.UpdateDeleteChannelMessages(channel_id=CHANNEL, messages=[1], pts=9, pts_count=1)
    follows = types.UpdateDeleteChannelMessages(channel_id=CHANNEL, messages=[1], pts=8, pts_count=1)
    assert len(entries_of([mark, elsewhere], [], [], DATE)) == 2
    assert len(entries_of([mark, not_next], [], [], DATE)) == 2
    (both,) = entries_of([mark, follows], [], [], DATE)
    assert (both.pts_from, both.pts_to) == (7, 8) and len(told(both).updates) == 2
    follows._origin = object()
    assert len(entries_of([mark, follows], [], [], DATE)) == 2


# ---- the service chat


@pytest.mark.parametrize(
    "update",
    [
        new(5, 12, peer=types.PeerUser(SERVICE), text=CODE),
        types.UpdateEditMessage(message=message(5, peer=types.PeerUser(SERVICE), text=CODE), pts=12, pts_count=1),
        types.UpdateReadHistoryInbox(peer=types.PeerUser(SERVICE), max_id=5, still_unread_count=0, pts=12, pts_count=1),
        types.UpdatePinnedMessages(peer=types.PeerUser(SERVICE), messages=[5], pts=12, pts_count=1),
        types.UpdateNewMessage(
            message=types.MessageService(
                id=5, peer_id=types.PeerUser(SERVICE), date=DATE, action=types.MessageActionCustomAction(CODE)
            ),
            pts=12,
            pts_count=1,
        ),
    ],
    ids=lambda update: type(update).__name__,
)
def test_of_the_service_chat_only_the_pts_is_told(update: Any) -> None:
    """Login codes come in there: who reads them can log in as the account."""
    (entry,) = entries_of([update], [], [], DATE)
    (shown,) = told(entry).updates
    assert label(shown) is None and (shown.pts, shown.pts_count) == (12, 1)
    assert CODE.encode() not in entry.body and struct.pack("<q", SERVICE) not in entry.body


@pytest.mark.parametrize(
    "update",
    [
        types.UpdateServiceNotification(type="x", message=CODE, media=types.MessageMediaEmpty(), entities=[]),
        types.UpdateUserTyping(user_id=SERVICE, action=types.SendMessageTypingAction()),
        types.UpdateDraftMessage(peer=types.PeerUser(SERVICE), draft=types.DraftMessage(message=CODE, date=DATE)),
        types.UpdateNotifySettings(
            peer=types.NotifyPeer(types.PeerUser(SERVICE)), notify_settings=types.PeerNotifySettings()
        ),
        types.UpdateDialogPinned(peer=types.DialogPeer(types.PeerUser(SERVICE)), pinned=True),
        types.UpdateNewAuthorization(hash=1, unconfirmed=True, date=DATE, device="x", location="y"),
        types.UpdateLoginToken(),
    ],
    ids=lambda update: type(update).__name__,
)
def test_notices_of_the_service_chat_and_of_logins_are_not_told(update: Any) -> None:
    assert entries_of([update], [], [], DATE) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"fwd_from": types.MessageFwdHeader(date=DATE, from_id=types.PeerUser(SERVICE)), "text": CODE},
        {
            "reply_to": types.MessageReplyHeader(
                quote=True, reply_to_msg_id=5, reply_to_peer_id=types.PeerUser(SERVICE), quote_text=CODE
            )
        },
    ],
    ids=["forwarded", "quoted"],
)
def test_a_code_that_was_forwarded_or_quoted_is_not_told_either(fields: Any) -> None:
    (entry,) = entries_of([new(5, 12, peer=types.PeerUser(ME), **fields)], [], [], DATE)
    assert CODE.encode() not in entry.body
    assert told(entry).updates[0].message.id == 5


def test_beside_the_service_chat_everything_is_told() -> None:
    updates = [new(5, 12, peer=types.PeerUser(SERVICE), text=CODE), new(6, 13, text="hello")]
    entries = entries_of(updates, [person(SERVICE), person(FRIEND)], [], DATE)
    assert [told(entry).updates[0].pts for entry in entries] == [12, 13]
    assert told(entries[1]).updates[0].message.message == "hello"


# ---- on disk


LINES = st.none() | st.just(QTS) | st.integers(1, 2**50)
ENTRIES = st.builds(
    Entry,
    number=st.integers(1, 2**60),
    line=LINES,
    pts_from=st.integers(-1, 2**31 - 1),
    pts_to=st.integers(0, 2**31 - 1),
    date=st.integers(0, 2**31),
    body=st.binary(max_size=50),
)


@given(ENTRIES)
def test_what_is_written_is_read(entry: Entry) -> None:
    assert Entry.from_payload(entry.number, entry.to_payload()) == entry


def test_entries_of_another_layer_or_format_are_not_read() -> None:
    """Their bytes are of another schema: borrowers would be sent what they cannot read."""
    payload = entries_of([new(5, 12)], [], [], DATE)[0].to_payload()
    for foreign in (struct.pack("<BH", 1, LAYER - 1) + payload[3:], b"\x02" + payload[1:], payload[:9]):
        with pytest.raises(ValueError, match="entry"):
            Entry.from_payload(1, foreign)
