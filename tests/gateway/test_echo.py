"""What others see of a borrower's own call."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from telethon.tl.alltlobjects import tlobjects

from telekeep.gateway.echo import carries_updates, echo, pts_of
from telekeep.gateway.entries import entries_of
from telekeep.mtproto.schema import functions, types
from telekeep.upstream.box import OwnerBox
from upstream.telling import CHANNEL, FRIEND, LOG, ME, Client, Clock, Telegram, in_loop, label, wire

DATE = 1_700_000_000
messages, channels = functions.messages, functions.channels


def sending(peer: Any = None, **fields: Any) -> Any:
    peer = peer or types.InputPeerUser(FRIEND, 1)
    return messages.SendMessageRequest(**{"peer": peer, "message": "hello", "random_id": 7, **fields})


def short_sent(**fields: Any) -> Any:
    return wire(
        types.UpdateShortSentMessage(**{"id": 5, "pts": 12, "pts_count": 1, "date": DATE, "out": True, **fields})
    )


def new(pts: int, *, count: int = 1) -> Any:
    text = types.Message(id=5, peer_id=types.PeerChat(3), date=DATE, message="hello")
    return types.UpdateNewMessage(message=text, pts=pts, pts_count=count)


def only(told: Any) -> Any:
    """The one update of an echo, as it comes out at the other side."""
    told = wire(told)
    updates = [told.update] if isinstance(told, types.UpdateShort) else told.updates
    assert len(updates) == 1
    return updates[0]


# ---- updates


def test_updates_are_told_without_the_callers_random_id_and_the_result_stays_as_it_is() -> None:
    result = types.Updates([types.UpdateMessageID(5, 7), new(12)], [types.User(FRIEND)], [], DATE, 0)
    told = echo(sending(), result)
    assert told.updates == [result.updates[1]] and told.users == result.users
    assert len(result.updates) == 2


def test_combined_updates_stay_combined() -> None:
    result = types.UpdatesCombined([types.UpdateMessageID(5, 7), new(12)], [], [], DATE, 3, 4)
    told = echo(sending(), result)
    assert isinstance(told, types.UpdatesCombined) and (told.seq_start, told.seq) == (3, 4) and len(told.updates) == 1


def test_a_random_id_used_before_makes_no_second_message() -> None:
    """facts.md, trap 7: answered with the original message and pts_count 0."""
    again = types.Updates([types.UpdateMessageID(5, 7), new(12, count=0)], [], [], DATE, 0)
    assert echo(sending(), again) is None
    assert echo(sending(), short_sent(pts_count=0)) is None
    assert pts_of(again) == [] == pts_of(short_sent(pts_count=0))


def test_updates_inside_another_result_are_found() -> None:
    inner = types.Updates([new(12)], [], [], DATE, 0)
    invited = types.messages.InvitedUsers(updates=inner, missing_invitees=[])
    assert label(only(echo(None, invited))) == ("new", None, 5)
    assert pts_of(invited) == [(None, 12)]


def test_one_update_is_told_and_a_random_id_alone_is_not() -> None:
    short = types.UpdateShort(types.UpdateConfig(), DATE)
    assert echo(None, short) is short
    assert echo(None, types.UpdateShort(types.UpdateMessageID(5, 7), DATE)) is None


@pytest.mark.parametrize("result", [True, [], types.messages.DialogsNotModified(3), None])
def test_a_result_that_only_answers_has_no_echo(result: Any) -> None:
    assert echo(messages.GetDialogsRequest, result) is None and pts_of(result) == []


# ---- a message sent


def test_a_message_is_told_in_full() -> None:
    bold = types.MessageEntityBold(0, 5)
    request = sending(
        silent=True,
        noforwards=True,
        reply_to=types.InputReplyToMessage(3, quote_text="what?", quote_offset=2),
        reply_markup=types.ReplyKeyboardHide(),
        entities=[bold],
    )
    told = only(echo(request, short_sent(entities=[bold], ttl_period=60), self_id=ME))
    assert isinstance(told, types.UpdateNewMessage) and (told.pts, told.pts_count) == (12, 1)
    said = told.message
    assert (said.id, said.message, said.out, said.silent, said.noforwards) == (5, "hello", True, True, True)
    assert (said.peer_id.user_id, said.from_id.user_id, said.date.timestamp()) == (FRIEND, ME, DATE)
    assert (said.reply_to.reply_to_msg_id, said.reply_to.quote_text, said.reply_to.quote) == (3, "what?", True)
    assert isinstance(said.reply_markup, types.ReplyKeyboardHide) and said.ttl_period == 60
    assert isinstance(said.entities[0], types.MessageEntityBold)


def test_what_telegram_made_of_the_text_counts_not_what_was_asked() -> None:
    """It drops entities that it does not allow, and finds links."""
    mention = types.InputMessageEntityMentionName(0, 5, types.InputUserSelf())
    told = only(echo(sending(entities=[mention]), short_sent(media=types.MessageMediaUnsupported()), self_id=ME))
    assert told.message.entities is None and isinstance(told.message.media, types.MessageMediaUnsupported)


@pytest.mark.parametrize(
    ("peer", "found"),
    [
        (types.InputPeerUserFromMessage(types.InputPeerSelf(), 1, FRIEND), types.PeerUser(FRIEND)),
        (types.InputPeerSelf(), types.PeerUser(ME)),
        (types.InputPeerChat(3), types.PeerChat(3)),
    ],
    ids=lambda peer: type(peer).__name__,
)
def test_the_message_is_where_it_was_sent(peer: Any, found: Any) -> None:
    assert only(echo(sending(peer), short_sent(), self_id=ME)).message.peer_id == found


def test_a_message_to_a_channel_counts_the_channels_pts() -> None:
    told = only(echo(sending(types.InputPeerChannel(CHANNEL, 1)), short_sent(), self_id=ME))
    assert isinstance(told, types.UpdateNewChannelMessage) and label(told) == ("new", CHANNEL, 5)


def test_a_reply_to_a_story_is_one() -> None:
    request = sending(reply_to=types.InputReplyToStory(types.InputPeerUser(FRIEND, 1), 9))
    header = only(echo(request, short_sent(), self_id=ME)).message.reply_to
    assert (header.peer.user_id, header.story_id) == (FRIEND, 9)


def test_what_cannot_be_told_from_the_request_is_left_to_the_difference() -> None:
    result = short_sent()
    assert echo(sending(types.InputPeerSelf()), result) is result  # we do not know who we are
    inline = messages.SendInlineBotResultRequest(peer=types.InputPeerUser(FRIEND, 1), query_id=1, id="x", random_id=7)
    assert echo(inline, result, self_id=ME) is result  # the text is the bot's


# ---- messages.affected*


def affected(pts: int = 12, count: int = 2) -> Any:
    return types.messages.AffectedMessages(pts=pts, pts_count=count)


def history(pts: int = 12, count: int = 2) -> Any:
    return types.messages.AffectedHistory(pts=pts, pts_count=count, offset=0)


IN_CHANNEL = types.InputChannel(CHANNEL, 1)
FRIENDS, CHANNELS = types.InputPeerUser(FRIEND, 1), types.InputPeerChannel(CHANNEL, 1)


def test_deletions_name_what_was_deleted() -> None:
    told = only(echo(messages.DeleteMessagesRequest(id=[3, 4]), affected()))
    assert label(told) == ("delete", None, 3, 4) and (told.pts, told.pts_count) == (12, 2)
    told = only(echo(channels.DeleteMessagesRequest(IN_CHANNEL, [3, 4]), affected()))
    assert label(told) == ("delete", CHANNEL, 3, 4) and (told.pts, told.pts_count) == (12, 2)
    found = types.messages.AffectedFoundMessages(pts=12, pts_count=2, offset=0, messages=[8, 9])
    assert label(only(echo(messages.DeletePhoneCallHistoryRequest(), found))) == ("delete", None, 8, 9)


def test_reading_is_told() -> None:
    told = only(echo(messages.ReadHistoryRequest(FRIENDS, max_id=9), affected(count=1)))
    assert isinstance(told, types.UpdateReadHistoryInbox)
    assert (told.peer.user_id, told.max_id, told.pts, told.pts_count) == (FRIEND, 9, 12, 1)
    everything = only(echo(messages.ReadHistoryRequest(FRIENDS, max_id=0), affected(count=1)))
    assert everything.max_id > 1_000_000_000
    heard = only(echo(messages.ReadMessageContentsRequest(id=[3]), affected(count=1)))
    assert isinstance(heard, types.UpdateReadMessagesContents) and heard.messages == [3]


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (messages.ReadMentionsRequest(FRIENDS), None),
        (messages.ReadMentionsRequest(CHANNELS), CHANNEL),
        (messages.ReadReactionsRequest(CHANNELS), CHANNEL),
        (messages.ReadHistoryRequest(types.InputPeerSelf(), max_id=9), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_update_of_its_own_moves_the_pts_of_its_line(request_: Any, line: int | None) -> None:
    result = history()
    told = only(echo(request_, result))
    (entry,) = entries_of([told], [], [], DATE)
    assert (entry.line, entry.pts_from, entry.pts_to) == (line, 10, 12) and label(told) is None
    assert pts_of(result, request_) == [(line, 12)]


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (messages.DeleteHistoryRequest(FRIENDS, max_id=0), None),
        (messages.UnpinAllMessagesRequest(CHANNELS), CHANNEL),
        (messages.DeleteSavedHistoryRequest(peer=CHANNELS, max_id=0), None),
        (channels.DeleteParticipantHistoryRequest(IN_CHANNEL, FRIENDS), CHANNEL),
    ],
    ids=lambda value: type(value).__name__,
)
def test_deletions_that_name_nothing_are_asked_for(request_: Any, line: int | None) -> None:
    """The difference names them: others have to hear which messages are gone."""
    told = wire(echo(request_, history()))
    if line is None:
        assert isinstance(told, types.UpdatesTooLong)
    else:
        assert told.update.channel_id == line


def test_what_affected_nothing_has_no_echo() -> None:
    for request in (messages.DeleteMessagesRequest([3]), messages.DeleteHistoryRequest(FRIENDS, 0)):
        assert echo(request, history(count=0)) is None
    assert pts_of(history(count=0)) == []


# ---- whatever carries updates is noticed


def test_every_result_with_updates_in_it_is_known_by_its_constructor() -> None:
    affected_kinds = {kind.SUBCLASS_OF_ID for kind in (types.messages.AffectedMessages, types.messages.AffectedHistory)}
    affected_kinds.add(types.messages.AffectedFoundMessages.SUBCLASS_OF_ID)
    for number, kind in tlobjects.items():
        if not kind.__module__.startswith("telethon.tl.types"):
            continue
        holds = any(str(each.annotation) == "TypeUpdates" for each in inspect.signature(kind).parameters.values())
        is_one = kind.SUBCLASS_OF_ID in {types.Updates.SUBCLASS_OF_ID, *affected_kinds}
        assert carries_updates(number) == (holds or is_one), kind
    assert not carries_updates(types.messages.Dialogs.CONSTRUCTOR_ID)


def test_a_result_waits_for_each_line_it_moves() -> None:
    text = types.Message(id=5, peer_id=types.PeerChannel(CHANNEL), date=DATE, message="hello")
    result = types.Updates(
        [
            types.UpdateMessageID(5, 7),
            new(12),
            new(13),
            types.UpdateNewChannelMessage(message=text, pts=40, pts_count=1),
            types.UpdateReadChannelInbox(channel_id=CHANNEL, max_id=3, still_unread_count=0, pts=40),
        ],
        [],
        [],
        DATE,
        0,
    )
    assert pts_of(result) == [(None, 13), (CHANNEL, 40)]
    assert pts_of(short_sent()) == [(None, 12)]
    assert pts_of(affected(), channels.DeleteMessagesRequest(IN_CHANNEL, [3])) == [(CHANNEL, 12)]


# ---- through the owner's box


def test_a_call_is_journalled_once_whether_its_result_or_telegrams_word_comes_first() -> None:
    def work(clock: Clock) -> None:
        telegram = Telegram()
        told: list[Any] = []
        owner = Client(clock, OwnerBox(LOG["messagebox"]), telegram.answer, lambda updates, *_: told.extend(updates))
        owner.load(1, {CHANNEL: 1})
        happened = telegram.account.new()
        result = short_sent(id=1, pts=happened.end)
        for feed in (echo(sending(), result, self_id=ME), types.UpdatesTooLong(), echo(sending(), result, self_id=ME)):
            owner.tell(feed)
            owner.run()
        telegram.account.new()
        owner.tell(types.UpdatesTooLong())
        owner.tell(echo(sending(), short_sent(id=2, pts=telegram.account.pts), self_id=ME))
        owner.run()
        assert [found for update in told if (found := label(update))] == telegram.account.labels

    in_loop(work)


def test_a_result_behind_a_gap_is_journalled_after_what_came_before_it() -> None:
    def work(clock: Clock) -> None:
        telegram = Telegram()
        told: list[Any] = []
        owner = Client(clock, OwnerBox(LOG["messagebox"]), telegram.answer, lambda updates, *_: told.extend(updates))
        owner.load(1, {})
        telegram.account.new()
        own = telegram.account.new()
        owner.tell(echo(sending(), short_sent(id=2, pts=own.end), self_id=ME))
        owner.run()
        assert [found for update in told if (found := label(update))] == telegram.account.labels
        deleted = telegram.account.delete(1, 2)
        request = messages.DeleteHistoryRequest(FRIENDS, max_id=0)
        owner.tell(echo(request, history(deleted.end)))
        owner.run()
        assert [found for update in told if (found := label(update))] == telegram.account.labels

    in_loop(work)
