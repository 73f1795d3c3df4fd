"""What the owner learns from answers to others."""

from __future__ import annotations

from typing import Any

import pytest

from telekeep.gateway.beyond import as_news
from telekeep.gateway.echo import echo_of_true
from telekeep.gateway.entries import entries_of
from telekeep.gateway.journal import BEYOND, Journal
from telekeep.gateway.noted import is_out, is_worth_noting, noted, page_of
from telekeep.mtproto.schema import build, functions, pack, read, types
from telekeep.upstream.settle import settle

HERE, LEFT, GONE = 5, 6, 7
INPUT = types.InputChannel(HERE, 1)


def channel(number: int, **more: Any) -> Any:
    return types.Channel(id=number, title="c", photo=types.ChatPhotoEmpty(), date=None, access_hash=1, **more)


CHATS = [channel(HERE), channel(LEFT, left=True), types.ChannelForbidden(id=GONE, access_hash=1, title="c")]


def dialog(number: int, pts: int | None) -> Any:
    counts = ("top_message", "read_inbox_max_id", "read_outbox_max_id", "unread_count", "unread_mentions_count")
    more = ("unread_reactions_count", "unread_poll_votes_count")
    settings = types.PeerNotifySettings()
    fields = dict.fromkeys((*counts, *more), 0)
    return build(types.Dialog, peer=types.PeerChannel(number), notify_settings=settings, pts=pts, **fields)


def difference(final: bool, *, pts: int = 14) -> Any:
    message = build(
        types.Message, id=9, peer_id=types.PeerChannel(HERE), date=None, message="new", from_id=None, entities=None
    )
    edited = types.UpdateEditChannelMessage(message=message, pts=13, pts_count=1)
    gone = types.UpdateDeleteChannelMessages(channel_id=HERE, messages=[3], pts=pts, pts_count=1)
    return types.updates.ChannelDifference(
        pts=pts, new_messages=[message], other_updates=[edited, gone], chats=[channel(HERE)], users=[], final=final
    )


REQUEST = functions.updates.GetChannelDifferenceRequest(INPUT, types.ChannelMessagesFilterEmpty(), 11, 100)


def test_dialogs_say_where_those_channels_stand_that_the_account_is_in() -> None:
    dialogs = [dialog(HERE, 12), dialog(LEFT, 13), dialog(GONE, 14), dialog(8, None)]
    found = noted(None, types.messages.Dialogs(dialogs=dialogs, messages=[], chats=CHATS, users=[]))
    assert found.channels == {HERE: 12} and found.chats == CHATS


def test_a_difference_says_it_only_when_it_is_the_last() -> None:
    assert noted(REQUEST, difference(True)).channels == {HERE: 14}
    assert noted(REQUEST, difference(False)).channels == {}
    assert is_worth_noting(difference(True).CONSTRUCTOR_ID)
    assert not is_worth_noting(types.messages.Messages.CONSTRUCTOR_ID)


def test_a_page_of_a_channels_history_says_it_too() -> None:
    request = functions.messages.GetHistoryRequest(types.InputPeerChannel(HERE, 1), 0, None, 0, 1, 0, 0, 0)
    page = build(
        types.messages.ChannelMessages, pts=21, count=0, messages=[], topics=[], chats=[channel(HERE)], users=[]
    )
    assert page_of(request, page.CONSTRUCTOR_ID) == HERE and noted(request, page).channels == {HERE: 21}
    assert page_of(request, types.messages.Messages.CONSTRUCTOR_ID) is None


def test_whoever_is_shown_in_part_is_neither_in_nor_out() -> None:
    assert [is_out(each) for each in (*CHATS, channel(8, left=True, min=True))] == [False, True, True, False]


def test_a_read_mark_of_a_channel_is_told_and_moves_nothing() -> None:
    told = echo_of_true(functions.channels.ReadHistoryRequest(INPUT, 7), pack(True))
    assert (told.update.channel_id, told.update.max_id, told.update.pts) == (HERE, 7, 0)
    (entry,) = entries_of([told.update], [], [], 0)
    assert not entry.advances and entry.line is None
    assert echo_of_true(functions.channels.ReadHistoryRequest(INPUT, 7), pack(False)) is None
    assert echo_of_true(functions.account.UpdateStatusRequest(False), pack(True)) is None


@pytest.mark.parametrize("final", [True, False])
def test_what_a_difference_holds_is_told_in_the_order_it_happened(final: bool) -> None:
    told = as_news(REQUEST, difference(final), 1)
    assert told is not None
    answer, (body, *rest) = told
    assert (answer.pts, answer.final) == (11, True)
    updates = read(body).updates
    assert [(type(each).__name__, each.pts, each.pts_count) for each in updates] == [
        ("UpdateNewChannelMessage", 12, 1),
        ("UpdateEditChannelMessage", 13, 1),
        ("UpdateDeleteChannelMessages", 14, 1),
    ]
    assert len(rest) == (not final)
    if rest:
        assert read(rest[0]).updates[0].channel_id == HERE


def test_what_is_no_list_of_news_is_told_as_it_is() -> None:
    assert as_news(REQUEST, types.updates.ChannelDifferenceEmpty(pts=11, final=True), 1) is None
    assert as_news(REQUEST, difference(True, pts=10), 1) is None


def test_whoever_stands_where_the_journal_can_only_guess_is_answered_by_telegram() -> None:
    """An owner that was killed knew what stood where; the next one is told only what is left of it."""
    found = difference(True, pts=18).new_messages
    told = settle(11, 18, found, [], line=HERE)
    journal = Journal()
    journal.follow({HERE: 11})
    for entry in entries_of(told, [], CHATS, 1):
        journal.append(entry)
    assert journal.now(HERE) == 18
    assert [journal.channel_difference(HERE, pts) is BEYOND for pts in (11, 12, 17, 18)] == [False, True, True, False]
    for entry in entries_of([types.UpdateDeleteChannelMessages(HERE, [9], 19, 1)], [], [], 2):
        journal.append(entry)
    assert [each.pts_to for each in journal.channel_difference(HERE, 18).entries] == [19]


def test_a_channel_that_is_followed_from_a_pts_is_answered_for_from_there() -> None:
    journal = Journal()
    assert journal.channel_difference(HERE, 20) is BEYOND
    journal.follow({HERE: 20})
    assert journal.channel_difference(HERE, 20).entries == ()
    assert journal.channel_difference(HERE, 19) is BEYOND
    journal.follow({HERE: 30})
    assert journal.now(HERE) == 20  # what it has seen itself is not passed over
