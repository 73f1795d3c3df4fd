"""Channels and supergroups: every rule, and a client that breaks it."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from emulator.services.bench import Bench, Device
from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world import Account
from telekeep.emulator.world.channel import Channel
from telekeep.mtproto.schema import functions, types

PHONE = "9996621234"
channels, messages = functions.channels, functions.messages


@pytest.fixture
def ada(bench: Bench) -> Account:
    return bench.world.add_account(PHONE, first_name="Ada")


@pytest.fixture
def bob(bench: Bench) -> Account:
    return bench.world.add_account("9996625678", first_name="Bob")


@pytest.fixture
def news(bench: Bench, ada: Account, bob: Account) -> Channel:
    """A public broadcast channel of Ada's, which Bob reads."""
    return bench.world.add_channel("News", username="the_news", messages=5, members=[bob], creator=ada)


@pytest.fixture
def club(bench: Bench, ada: Account, bob: Account) -> Channel:
    """A private supergroup of Ada's, with Bob in it."""
    return bench.world.add_channel("Club", broadcast=False, messages=5, members=[bob], creator=ada)


def access_hash(device: Device, of: Channel) -> int:
    return device.bench.world.viewers.of(device.authorization.hash).access_hash("channel", of.id)


def channel(device: Device, of: Channel) -> Any:
    return types.InputChannel(of.id, access_hash(device, of))


def peer(device: Device, of: Channel) -> Any:
    return types.InputPeerChannel(of.id, access_hash(device, of))


def send(device: Device, of: Channel, text: str, random_id: int, **more: Any) -> Any:
    return messages.SendMessageRequest(peer(device, of), text, random_id=random_id, **more)


def difference(device: Device, of: Channel, pts: int, limit: int = 100) -> Any:
    request = functions.updates.GetChannelDifferenceRequest
    return request(channel(device, of), types.ChannelMessagesFilterEmpty(), pts, limit)


def history(device: Device, of: Channel, limit: int = 100) -> Any:
    return messages.GetHistoryRequest(peer(device, of), 0, None, 0, limit, 0, 0, 0)


ASKED: dict[str, Callable[[Device, Channel], Any]] = {
    "channels.getFullChannel": lambda device, of: channels.GetFullChannelRequest(channel(device, of)),
    "channels.getParticipants": lambda device, of: channels.GetParticipantsRequest(
        channel(device, of), types.ChannelParticipantsRecent(), 0, 100, 0
    ),
    "channels.getMessages": lambda device, of: channels.GetMessagesRequest(
        channel(device, of), [types.InputMessageID(1)]
    ),
    "channels.joinChannel": lambda device, of: channels.JoinChannelRequest(channel(device, of)),
    "channels.readHistory": lambda device, of: channels.ReadHistoryRequest(channel(device, of), 0),
    "channels.deleteMessages": lambda device, of: channels.DeleteMessagesRequest(channel(device, of), [1]),
    "updates.getChannelDifference": lambda device, of: difference(device, of, 5),
    "messages.getHistory": history,
    "messages.sendMessage": lambda device, of: send(device, of, "hello", 1),
    "messages.getPeerDialogs": lambda device, of: messages.GetPeerDialogsRequest(
        [types.InputDialogPeer(peer(device, of))]
    ),
}


# ---- access


@pytest.mark.parametrize("name", ASKED)
def test_an_access_hash_of_another_login_opens_nothing(
    bench: Bench, ada: Account, news: Channel, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, other = bench.device(ada), bench.device(ada)
    stolen = access_hash(other, news)
    monkeypatch.setattr(sys.modules[__name__], "access_hash", lambda *_: stolen)
    assert device.refused(ASKED[name](device, news)) == "CHANNEL_INVALID"
    monkeypatch.setattr(sys.modules[__name__], "access_hash", lambda *_: 0)
    assert device.refused(ASKED[name](device, news)) == "CHANNEL_INVALID"


@pytest.mark.parametrize("name", ASKED)
def test_a_private_one_is_private_to_whoever_is_not_in_it(bench: Bench, club: Channel, name: str) -> None:
    device = bench.device(bench.world.add_account("9996627777"))
    with pytest.raises(RpcError) as refused:
        device(ASKED[name](device, club))
    assert (refused.value.code, refused.value.message) == (406, "CHANNEL_PRIVATE")


def test_whoever_was_thrown_out_reads_and_hears_no_more(
    bench: Bench, ada: Account, bob: Account, news: Channel
) -> None:
    hers, his = bench.device(ada), bench.device(bob)
    rights = types.ChatBannedRights(until_date=None, view_messages=True)
    bobs = types.InputPeerUser(bob.id, bench.world.viewers.of(hers.authorization.hash).access_hash("user", bob.id))
    hers(channels.EditBannedRequest(channel(hers, news), bobs, rights))
    assert isinstance(his.updates[-1].chats[0], types.ChannelForbidden)
    heard = len(his.updates)
    hers(send(hers, news, "for the others", 1))
    assert len(his.updates) == heard
    assert his.refused(history(his, news)) == "CHANNEL_PRIVATE"
    assert his.refused(channels.JoinChannelRequest(channel(his, news))) == "CHANNEL_PRIVATE"
    assert (
        his.refused(channels.EditBannedRequest(channel(his, news), types.InputPeerSelf(), rights)) == "CHANNEL_PRIVATE"
    )


def test_no_channel_is_none_and_an_unknown_one_is_invalid(bench: Bench, ada: Account) -> None:
    device = bench.device(ada)
    assert device(channels.GetChannelsRequest(id=[])).chats == []
    assert device.refused(channels.GetChannelsRequest(id=[types.InputChannel(1_900_000_003, 42)])) == "CHANNEL_INVALID"


def test_it_is_found_by_its_username_and_by_its_link(bench: Bench, news: Channel, club: Channel) -> None:
    device = bench.device(bench.world.add_account("9996627777"))
    found = device(functions.contacts.ResolveUsernameRequest("The_News"))
    assert found.peer.channel_id == news.id and found.chats[0].left and found.chats[0].broadcast
    assert found.chats[0].access_hash == access_hash(device, news)
    preview = device(messages.CheckChatInviteRequest(club.invite))
    assert (preview.title, preview.megagroup) == ("Club", True)
    device(messages.ImportChatInviteRequest(club.invite))
    assert isinstance(device(messages.CheckChatInviteRequest(club.invite)), types.ChatInviteAlready)
    assert device.refused(messages.ImportChatInviteRequest(club.invite)) == "USER_ALREADY_PARTICIPANT"
    assert device.refused(messages.CheckChatInviteRequest("nonsense")) == "INVITE_HASH_EXPIRED"
    assert device(history(device, club)).count == 6  # with the word that somebody came


def test_a_taken_name_is_taken_by_people_and_channels_alike(bench: Bench, ada: Account, news: Channel) -> None:
    with pytest.raises(ValueError, match="USERNAME_OCCUPIED"):
        bench.world.add_channel("Other", username="THE_NEWS")
    with pytest.raises(ValueError, match="taken"):
        bench.world.add_account("9996627777", username="the_news")
    with pytest.raises(ValueError, match="no username"):
        bench.world.add_channel("Other", username="a b")


# ---- writing


def test_only_admins_write_in_a_broadcast_channel_and_it_is_the_channels_word(
    bench: Bench, ada: Account, bob: Account, news: Channel
) -> None:
    hers, his = bench.device(ada), bench.device(bob)
    assert his.refused(send(his, news, "me too", 1)) == "CHAT_ADMIN_REQUIRED"
    answer = hers(send(hers, news, "extra", 2))
    number, read, new = answer.updates
    assert number.random_id == 2 and read.pts == new.pts and new.pts_count == 1
    (heard,) = his.updates
    message = heard.updates[0].message
    assert (message.post, message.from_id, message.out, message.views) == (True, None, False, 1)
    assert new.message.out and not heard.users and heard.chats[0].id == news.id


def test_members_write_in_a_supergroup_and_strangers_do_not(bench: Bench, ada: Account, bob: Account) -> None:
    room = bench.world.add_channel("Room", username="the_room", broadcast=False, members=[bob], creator=ada)
    his, stranger = bench.device(bob), bench.device(bench.world.add_account("9996627777"))
    assert stranger.refused(send(stranger, room, "hello", 1)) == "CHAT_WRITE_FORBIDDEN"
    assert stranger(history(stranger, room)).count == 1
    assert his(send(his, room, "hello", 1)).updates[-1].message.from_id.user_id == bob.id


def test_the_same_random_id_is_one_message_and_moves_nothing(bench: Bench, ada: Account, news: Channel) -> None:
    device = bench.device(ada)
    first, again = (device(send(device, news, "once", 7)) for _ in range(2))
    assert first.updates[-1].message.id == again.updates[-1].message.id
    assert again.updates[-1].pts_count == 0 and len(news.history.messages) == 6
    elsewhere = messages.SendMessageRequest(types.InputPeerSelf(), "once", random_id=7)
    assert device.refused(elsewhere) == "RANDOM_ID_DUPLICATE"


def test_slow_mode_lets_each_member_write_now_and_then(bench: Bench, ada: Account, bob: Account, club: Channel) -> None:
    hers, his = bench.device(ada), bench.device(bob)
    assert his.refused(channels.ToggleSlowModeRequest(channel(his, club), 30)) == "CHAT_ADMIN_REQUIRED"
    assert hers.refused(channels.ToggleSlowModeRequest(channel(hers, club), 7)) == "SECONDS_INVALID"
    hers(channels.ToggleSlowModeRequest(channel(hers, club), 30))
    his(send(his, club, "one", 1))
    with pytest.raises(RpcError, match="SLOWMODE_WAIT_30") as slow:
        his(send(his, club, "two", 2))
    assert slow.value.code == 420
    his(send(his, club, "one", 1))  # known already: nothing is written
    bench.clock.advance(12)
    assert his.refused(send(his, club, "two", 2)) == "SLOWMODE_WAIT_18"
    for number in (3, 4):
        hers(send(hers, club, "an admin's", number))
    bench.clock.advance(18)
    his(send(his, club, "two", 2))
    bench.clock.advance(30)
    forward = messages.ForwardMessagesRequest(peer(his, club), [1, 2], peer(his, club), random_id=[8, 9])
    assert his.refused(forward) == "SLOWMODE_MULTI_MSGS_DISABLED"


def test_edits_and_deletions_are_the_authors_or_the_admins(
    bench: Bench, ada: Account, bob: Account, club: Channel
) -> None:
    hers, his = bench.device(ada), bench.device(bob)
    number = his(send(his, club, "frist", 1)).updates[-1].message.id
    edit = messages.EditMessageRequest(peer(hers, club), number, message="mine")
    assert hers.refused(edit) == "MESSAGE_AUTHOR_REQUIRED"
    edited = his(messages.EditMessageRequest(peer(his, club), number, message="first"))
    assert isinstance(edited.updates[0], types.UpdateEditChannelMessage)
    assert his.refused(channels.DeleteMessagesRequest(channel(his, club), [1, number])) == "MESSAGE_DELETE_FORBIDDEN"
    gone = hers(channels.DeleteMessagesRequest(channel(hers, club), [number, 999]))
    assert (gone.pts, gone.pts_count) == (club.box.pts, 1)
    heard = his.updates[-1].updates[0]
    assert (heard.channel_id, heard.messages, heard.pts) == (club.id, [number], club.box.pts)
    assert his(messages.DeleteMessagesRequest([1])).pts_count == 0  # that is of his own box
    assert club.box.message(1) is not None


def test_a_post_goes_on_with_the_channels_name(
    bench: Bench, ada: Account, bob: Account, news: Channel, club: Channel
) -> None:
    his = bench.device(bob)
    on = his(messages.ForwardMessagesRequest(peer(his, news), [2, 3], peer(his, club), random_id=[1, 2]))
    headers = [each.message.fwd_from for each in on.updates if isinstance(each, types.UpdateNewChannelMessage)]
    assert [(each.from_id.channel_id, each.channel_post) for each in headers] == [(news.id, 2), (news.id, 3)]
    assert {each.id for each in on.chats} == {news.id, club.id}
    views = his(messages.GetMessagesViewsRequest(peer(his, news), [2, 4], increment=True)).views
    assert [(each.views, each.forwards) for each in views] == [(2, 1), (2, 0)]
    back = his(messages.ForwardMessagesRequest(peer(his, club), [1], types.InputPeerSelf(), random_id=[3]))
    assert back.updates[-1].message.fwd_from.from_id.user_id == club.box.message(1).sender  # type: ignore[union-attr]


# ---- reading


def test_reading_moves_no_pts_and_is_told_to_ones_other_devices_and_to_the_writers(
    bench: Bench, ada: Account, bob: Account, club: Channel
) -> None:
    hers, his, other = bench.device(ada), bench.device(bob), bench.device(bob)
    number = hers(send(hers, club, "read me", 1)).updates[-1].message.id
    pts = club.box.pts
    (dialog,) = his(messages.GetPeerDialogsRequest([types.InputDialogPeer(peer(his, club))])).dialogs
    assert (dialog.unread_count, dialog.pts) == (1, pts)
    assert his(channels.ReadHistoryRequest(channel(his, club), number)) is True
    read = other.updates[-1].updates[0]
    assert (read.channel_id, read.max_id, read.still_unread_count, read.pts) == (club.id, number, 0, pts)
    assert isinstance(hers.updates[-1].updates[0], types.UpdateReadChannelOutbox)
    assert club.box.pts == pts
    told = len(other.updates)
    assert his(channels.ReadHistoryRequest(channel(his, club), number)) is True
    assert len(other.updates) == told
    assert his.refused(messages.ReadHistoryRequest(peer(his, club), number)) == "PEER_ID_INVALID"


def test_members_are_shown_to_members_and_may_be_addressed(
    bench: Bench, ada: Account, bob: Account, club: Channel, news: Channel
) -> None:
    his = bench.device(bob)
    recent = types.ChannelParticipantsRecent()
    found = his(channels.GetParticipantsRequest(channel(his, club), recent, 0, 100, 0))
    assert found.count == len(club.members) and not any(each.min for each in found.users)
    hers = next(each for each in found.users if each.id == ada.id)
    assert his(functions.users.GetUsersRequest([types.InputUser(ada.id, hers.access_hash)]))[0].id == ada.id
    page = his(channels.GetParticipantsRequest(channel(his, club), recent, 1, 2, 0))
    assert [each.id for each in page.users] == [each.id for each in found.users][1:3]
    search = types.ChannelParticipantsSearch("ada")
    assert his(channels.GetParticipantsRequest(channel(his, club), search, 0, 100, 0)).count == 1
    assert his.refused(channels.GetParticipantsRequest(channel(his, news), recent, 0, 100, 0)) == "CHAT_ADMIN_REQUIRED"
    assert his.refused(channels.GetParticipantRequest(channel(his, club), peer(his, club))) == "PARTICIPANT_ID_INVALID"


def test_dialogs_with_channels_are_paged_without_gap_or_repetition(bench: Bench, ada: Account) -> None:
    """Ids say nothing across boxes: many have the same, and the same date."""
    for number in range(12):
        bench.world.add_channel(f"c{number}", messages=3, members=[ada])
    bench.world.send(PHONE, "hello")
    device = bench.device(ada)
    seen: list[Any] = []
    offset: tuple[int, Any, Any] = (0, None, types.InputPeerEmpty())
    while True:
        page = device(messages.GetDialogsRequest(offset[1], offset[0], offset[2], 5, 0))
        if not page.dialogs:
            break
        seen += [getattr(each.peer, "channel_id", None) for each in page.dialogs]
        last = page.dialogs[-1]
        top = next(each for each in page.messages if each.id == last.top_message and each.peer_id == last.peer)
        known = getattr(last.peer, "channel_id", None)
        given = peer(device, bench.world.channels[known]) if known else _of_user(device, last.peer.user_id)
        offset = (last.top_message, top.date, given)
    assert len(seen) == len(set(seen)) == 13


def _of_user(device: Device, user_id: int) -> Any:
    viewer = device.bench.world.viewers.of(device.authorization.hash)
    return types.InputPeerUser(user_id, viewer.access_hash("user", user_id))


def test_searching_finds_in_one_channel_and_in_all_of_them(
    bench: Bench, ada: Account, news: Channel, club: Channel
) -> None:
    device = bench.device(ada)
    bench.world.post_in(news, "a needle here")
    bench.world.post_in(club, "another needle")
    bench.world.send(PHONE, "needle, too")
    empty = types.InputMessagesFilterEmpty()
    found = device(messages.SearchRequest(peer(device, news), "needle", empty, None, None, 0, 0, 10, 0, 0, 0))
    assert isinstance(found, types.messages.ChannelMessages) and found.count == 1

    def everywhere(limit: int = 10, offset: tuple[int, Any, int] = (0, types.InputPeerEmpty(), 0), **only: Any) -> Any:
        return device(messages.SearchGlobalRequest("needle", empty, None, None, *offset, limit, **only))

    assert everywhere().count == 3
    assert [each.peer_id.channel_id for each in everywhere(broadcasts_only=True).messages] == [news.id]
    assert [each.peer_id.channel_id for each in everywhere(groups_only=True).messages] == [club.id]
    seen, page = [], everywhere(1)
    while page.messages:
        (message,) = page.messages
        seen.append(message.peer_id.to_dict().values())
        if page.next_rate is None:
            break
        of = getattr(message.peer_id, "channel_id", None)
        where = peer(device, bench.world.channels[of]) if of else _of_user(device, message.peer_id.user_id)
        page = everywhere(1, (page.next_rate, where, message.id))
    assert len(seen) == len({tuple(each) for each in seen}) == 3


# ---- updates


def test_a_channel_has_a_pts_of_its_own(bench: Bench, ada: Account, bob: Account, news: Channel) -> None:
    his = bench.device(bob)
    before, pts = his(functions.updates.GetStateRequest()).pts, news.box.pts
    for number in range(3):
        sent = bench.world.post_in(news, f"extra {number}")
        bench.world.outlet(sent.deliveries)
    assert [each.updates[0].pts for each in his.updates] == [pts + 1, pts + 2, pts + 3]
    assert his(functions.updates.GetStateRequest()).pts == before


def test_who_was_away_is_told_which_channels_moved_and_asks_each(
    bench: Bench, ada: Account, bob: Account, news: Channel, club: Channel
) -> None:
    his, pts = bench.device(bob), club.box.pts
    state = his(functions.updates.GetStateRequest())
    bench.clock.advance(5)
    since = state.date.timestamp() + 5
    sent = bench.world.post_in(club, "missed")
    bench.world.outlet(sent.deliveries)
    missed = his(functions.updates.GetDifferenceRequest(pts=state.pts, date=int(since), qts=0))
    (told,) = missed.other_updates
    assert (told.channel_id, told.pts, missed.chats[0].id) == (club.id, pts + 1, club.id)
    bench.clock.advance(5)
    later = his(functions.updates.GetDifferenceRequest(pts=state.pts, date=int(since) + 2, qts=0))
    assert isinstance(later, types.updates.DifferenceEmpty)
    found = his(difference(his, club, pts))
    assert found.final and found.pts == pts + 1
    assert [each.message for each in found.new_messages] == ["missed"]


def test_a_long_absence_comes_in_slices_and_says_when_it_is_over(bench: Bench, bob: Account, news: Channel) -> None:
    device, pts, seen = bench.device(bob), news.box.pts, []
    for number in range(25):
        bench.world.post_in(news, f"extra {number}")
    bench.world.broadcasting.edit(bench.world.accounts[news.creator_id], news, 1, text="edited")
    doomed = news.box.last_id
    bench.world.broadcasting.delete(bench.world.accounts[news.creator_id], news, [doomed])
    others, final = [], False
    while not final:
        found = device(difference(device, news, pts, 10))
        assert found.pts <= pts + 10
        seen += [each.id for each in found.new_messages]
        others += found.other_updates
        pts, final = found.pts, bool(found.final)
    assert seen == list(range(6, doomed)) and pts == news.box.pts
    assert [type(each) for each in others] == [types.UpdateEditChannelMessage, types.UpdateDeleteChannelMessages]
    assert isinstance(device(difference(device, news, pts)), types.updates.ChannelDifferenceEmpty)


def test_what_is_not_known_any_more_is_too_long_and_shows_the_newest(bench: Bench, bob: Account, news: Channel) -> None:
    device, pts = bench.device(bob), news.box.pts
    news.box.kept = 10
    for number in range(40):
        bench.world.post_in(news, f"extra {number}")
    found = device(difference(device, news, pts))
    assert isinstance(found, types.updates.ChannelDifferenceTooLong) and found.final
    assert (found.dialog.pts, found.dialog.unread_count) == (news.box.pts, 40)
    assert found.messages[0].id == found.dialog.top_message and found.chats[0].id == news.id
    assert isinstance(device(difference(device, news, news.box.pts - 5)), types.updates.ChannelDifference)


def test_a_state_of_a_channel_that_never_was_is_refused(bench: Bench, bob: Account, news: Channel) -> None:
    device = bench.device(bob)
    assert device.refused(difference(device, news, 0)) == "PERSISTENT_TIMESTAMP_EMPTY"
    assert device.refused(difference(device, news, news.box.pts + 1)) == "PERSISTENT_TIMESTAMP_INVALID"
    assert device.refused(difference(device, news, 1, limit=0)) == "LIMIT_INVALID"
    nothing = types.ChannelMessagesFilter(ranges=[])
    request = functions.updates.GetChannelDifferenceRequest(channel(device, news), nothing, 1, 100)
    assert device.refused(request) == "RANGES_INVALID"


# ---- coming and going


def test_whoever_comes_and_goes_is_told_and_so_are_the_others(
    bench: Bench, ada: Account, bob: Account, club: Channel
) -> None:
    hers, his, other = bench.device(ada), bench.device(bob), bench.device(bob)
    his(channels.LeaveChannelRequest(channel(his, club)))
    assert isinstance(other.updates[-1].chats[0], types.ChannelForbidden)
    assert his.refused(channels.LeaveChannelRequest(channel(his, club))) == "CHANNEL_PRIVATE"
    assert hers.refused(channels.LeaveChannelRequest(channel(hers, club))) == "USER_CREATOR"
    bobs = types.InputUser(bob.id, bench.world.viewers.of(hers.authorization.hash).access_hash("user", bob.id))
    bench.world.meet(ada, bob)
    hers(channels.InviteToChannelRequest(channel(hers, club), [bobs]))
    assert {type(each.updates[0]) for each in his.updates[-2:]} == {types.UpdateChannel, types.UpdateNewChannelMessage}
    assert hers.refused(channels.InviteToChannelRequest(channel(hers, club), [bobs])) == "USER_ALREADY_PARTICIPANT"


def test_a_new_one_belongs_to_its_founder(bench: Bench, ada: Account) -> None:
    device = bench.device(ada)
    assert device.refused(channels.CreateChannelRequest(" ", "")) == "CHAT_TITLE_EMPTY"
    made = device(channels.CreateChannelRequest("Mine", "about it", megagroup=True)).chats[0]
    assert made.creator and made.megagroup
    full = device(channels.GetFullChannelRequest(types.InputChannel(made.id, made.access_hash)))
    assert (full.full_chat.about, full.full_chat.participants_count, full.full_chat.pts) == ("about it", 1, 2)


def test_a_world_of_a_hundred_thousand_messages_takes_no_more_for_each(bench: Bench, ada: Account) -> None:
    def taken(messages: int) -> float:
        tracemalloc.start()
        bench.world.add_channel("Large", messages=messages, members=[ada])
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return size / messages

    assert taken(100_000) < 1.2 * taken(10_000) < 700
    device = bench.device(ada)
    large = bench.world.channels[max(bench.world.channels) - 1]
    assert device(history(device, large)).count == 100_000
