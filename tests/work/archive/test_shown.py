"""A page that is read quickly says what Telethon's own reader says, whatever is in its messages, or is read by that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon.extensions import BinaryReader

from telekeep.mtproto import fields
from telekeep.mtproto.schema import build, types
from telekeep.work.archive import reading
from telekeep.work.archive.finding import history
from telekeep.work.archive.rows import Message
from telekeep.work.archive.shown import Shown, in_rows

ME = 42
NUMBERS = st.integers(1, 2**31 - 1)
LONGS = st.integers(1, 2**52)
DATES = NUMBERS.map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
TEXTS = st.text(max_size=300) | st.just("long " * 200) | st.just("nul \0 in it")
PEERS = st.builds(types.PeerUser, LONGS) | st.builds(types.PeerChat, LONGS) | st.builds(types.PeerChannel, LONGS)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def made(kind: Any, **given_fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects of this kind, as far as this release knows the fields."""
    return st.fixed_dictionaries(given_fields).map(lambda found: build(kind, **found))


PHOTOS = made(
    types.Photo,
    id=LONGS,
    access_hash=LONGS,
    file_reference=st.binary(max_size=20),
    date=DATES,
    sizes=st.just([types.PhotoSize("m", 1, 1, 500)]),
    dc_id=st.just(2),
)
DOCUMENTS = made(
    types.Document,
    id=LONGS,
    access_hash=LONGS,
    file_reference=st.binary(max_size=20),
    date=DATES,
    mime_type=st.just("text/plain"),
    size=LONGS,
    dc_id=st.just(2),
    attributes=TEXTS.map(lambda name: [types.DocumentAttributeFilename(name)]),
)
MEDIA = st.one_of(
    made(types.MessageMediaPhoto, photo=PHOTOS),
    made(types.MessageMediaDocument, document=DOCUMENTS),
    st.builds(types.MessageMediaContact, TEXTS, TEXTS, TEXTS, TEXTS, LONGS),
)
ENTITIES = st.lists(
    st.builds(types.MessageEntityBold, NUMBERS, NUMBERS)
    | st.builds(types.MessageEntityTextUrl, NUMBERS, NUMBERS, TEXTS),
    max_size=3,
)
FORWARDS = made(
    types.MessageFwdHeader, date=DATES, from_id=maybe(PEERS), from_name=maybe(TEXTS), channel_post=maybe(NUMBERS)
)
REPLIES = made(types.MessageReplyHeader, reply_to_msg_id=maybe(NUMBERS), quote_text=maybe(TEXTS))
FLAGS = maybe(st.just(True))
MESSAGES = made(
    types.Message,
    id=NUMBERS, peer_id=PEERS, date=DATES, message=TEXTS, out=FLAGS, mentioned=FLAGS, silent=FLAGS, post=FLAGS,
    pinned=FLAGS, noforwards=FLAGS, invert_media=FLAGS, offline=FLAGS, from_id=maybe(PEERS), saved_peer_id=maybe(PEERS),
    fwd_from=maybe(FORWARDS), via_bot_id=maybe(LONGS), via_business_bot_id=maybe(LONGS), reply_to=maybe(REPLIES),
    media=maybe(MEDIA), entities=maybe(ENTITIES), edit_date=maybe(DATES), post_author=maybe(TEXTS),
    grouped_id=maybe(LONGS), ttl_period=maybe(NUMBERS), from_boosts_applied=maybe(NUMBERS), effect=maybe(LONGS),
)  # fmt: skip
ACTIONS = st.just(types.MessageActionPinMessage()) | st.builds(types.MessageActionChatEditTitle, TEXTS)
SERVICE = made(
    types.MessageService,
    id=NUMBERS, peer_id=PEERS, date=DATES, action=ACTIONS, out=FLAGS, from_id=maybe(PEERS), reply_to=maybe(REPLIES),
)  # fmt: skip
EMPTY = made(types.MessageEmpty, id=NUMBERS, peer_id=maybe(PEERS))
USERS = made(
    types.User, id=LONGS, first_name=TEXTS, access_hash=LONGS, status=maybe(st.builds(types.UserStatusOffline, DATES))
)


def a_page(messages: list[Any], users: list[Any], kind: Any = types.messages.MessagesSlice) -> bytes:
    return bytes(build(kind, messages=messages, users=users, chats=[], topics=[], count=5, pts=7))


def as_ever(data: bytes) -> tuple[list[Message], dict[int, Any], list[Any]]:
    found = BinaryReader(data).tgread_object()
    rows = [row for each in found.messages if (row := reading.message(each, ME)) is not None]
    files = [file for each in found.messages if (file := reading.file(each)) is not None]
    return rows, {each.id: each for each in files}, found.users


@given(
    st.lists(MESSAGES | SERVICE | EMPTY, max_size=6),
    st.lists(USERS, max_size=2),
    st.sampled_from([types.messages.Messages, types.messages.MessagesSlice, types.messages.ChannelMessages]),
    st.binary(max_size=40),
)
def test_a_page_read_quickly_is_the_page_as_it_is_read_ever(
    messages: list[Any], users: list[Any], kind: Any, after: bytes
) -> None:
    """``after``: what follows in the packet."""
    data = a_page(messages, users, kind)
    found = fields.messages(data + after)
    assert found is not None
    shown = Shown(found, ME)
    assert (shown.messages, shown.files, shown.users) == as_ever(data)


def one_of_all() -> list[Any]:
    peer, date = types.PeerUser(7), datetime.fromtimestamp(1_700_000_000, UTC)
    return [
        build(types.Message, id=each, peer_id=peer, date=date, message=f"message {each}") for each in range(3, 0, -1)
    ]


def test_what_is_cut_short_or_unknown_is_left_to_telethons_own_reader() -> None:
    data = a_page(one_of_all(), [build(types.User, id=7, first_name="Ada")])
    assert fields.messages(data) is not None
    assert all(fields.messages(data[:length]) is None for length in range(len(data)))
    assert fields.messages(data.replace(bytes(types.PeerUser(7))[:4], b"????")) is None
    assert fields.messages(bytes(types.messages.MessagesNotModified(3))) is None


@pytest.mark.parametrize("edited", [datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(1_700_000_000, UTC)])
def test_a_request_is_answered_by_rows_either_way(edited: datetime) -> None:
    """A date of nought is left to Telethon's own reader."""
    messages = one_of_all()
    messages[1].edit_date = edited
    messages[2].media = types.MessageMediaEmpty()
    data = a_page(messages, [])
    request = in_rows(history(types.InputPeerSelf(), limit=3), ME)
    shown = request.read_result(BinaryReader(data))
    assert isinstance(shown, Shown) and (shown.messages, shown.files, shown.users) == as_ever(data)
    assert [each.edited_at for each in shown.messages] == [None, edited.timestamp(), None]
    assert bytes(request) == bytes(history(types.InputPeerSelf(), limit=3))


def test_a_page_that_cannot_be_read_at_all_is_an_error_and_no_empty_page() -> None:
    data = a_page(one_of_all(), [])
    with pytest.raises(Exception):  # noqa: B017  # whatever this release's reader says
        in_rows(history(types.InputPeerSelf(), limit=3), ME).read_result(BinaryReader(data[: len(data) // 2]))
