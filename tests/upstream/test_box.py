"""The owner's message box: everything comes out, once, in order, with the exact pts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon._updates import GapError, MessageBox
from telethon._updates.messagebox import ENTRY_ACCOUNT

from telekeep.mtproto.schema import build, read, types
from telekeep.upstream.box import Hole, OwnerBox
from telekeep.upstream.settle import QTS, in_full, no_op, place, settle
from upstream.telling import (
    CHANNEL,
    FRIEND,
    LOG,
    ME,
    Client,
    Clock,
    Flooded,
    Happened,
    Line,
    Telegram,
    in_loop,
    label,
    wire,
)

KINDS = st.sampled_from(["new", "new", "new", "edit", "delete", "read"])
HAPPENINGS = st.lists(st.tuples(KINDS, st.integers(0, 20)), max_size=25)
LINES = st.sampled_from([None, CHANNEL])


class Owner(Client):
    """A client around an `OwnerBox` at pts 1 that writes down what comes out."""

    def __init__(self, clock: Clock, telegram: Telegram, *, pts: int = 1, channel: int | None = 1) -> None:
        self.told: list[Any] = []
        self.came: list[tuple[Any, Any]] = []
        self.asked: list[Any] = []
        super().__init__(clock, OwnerBox(LOG["messagebox"]), self._ask, self._hear)
        self.telegram = telegram
        self.load(pts, {CHANNEL: channel} if channel else {})

    def _ask(self, request: Any) -> Any:
        self.asked.append(request)
        return self.telegram.answer(request)

    def _hear(self, updates: Any, users: Any, chats: Any) -> None:
        self.told += updates
        self.came.append((users, chats))

    @property
    def labels(self) -> list[Any]:
        return [found for update in self.told if (found := label(update)) is not None]


def stretches(updates: list[Any], line: int | None) -> list[tuple[int, int]]:
    places = [place(update) for update in updates]
    return [(where.start, where.end) for where in places if where is not None and where.line == line]


def is_without_gap(updates: list[Any], line: int | None, start: int, end: int) -> bool:
    at = start
    for since, until in stretches(updates, line):
        if since != at:
            return False
        at = until
    return at == end


# ---- settle


@given(HAPPENINGS, LINES, st.integers(0, 25))
def test_a_difference_takes_the_line_without_a_gap_and_tells_all_of_it_once(
    happenings: list[tuple[str, int]], channel: int | None, known: int
) -> None:
    line = Line(channel)
    for happening in happenings:
        line.happen(*happening)
    start = line.log[min(known, len(line.log) - 1)].start if line.log else 1
    to_pts, messages, others, _ = line.missed(start, 100)
    told = settle(start, to_pts, reversed(messages), reversed(others), line=channel, report=pytest.fail)
    assert is_without_gap(told, channel, start, to_pts)
    labels = [found for update in told if (found := label(update)) is not None]
    missed = [each for each in line.log if each.start >= start and (not each.about or each.about in line.alive)]
    assert sorted(labels) == sorted(each.label for each in missed)
    for kind in ("new", "rest"):
        assert [each for each in labels if (each[0] == "new") == (kind == "new")] == [
            each.label for each in missed if (each.label[0] == "new") == (kind == "new")
        ]
    nobody_misses(told, missed)
    for update in told:
        if label(update) and label(update)[0] == "edit" and ("new", channel, update.message.id) in labels:
            assert labels.index(("new", channel, update.message.id)) < labels.index(label(update))


def nobody_misses(told: list[Any], missed: list[Happened]) -> None:
    """Whoever stands anywhere in between is told all that happened after it."""
    stands = {label(update): place(update).end for update in told}
    for each in missed:
        assert stands[each.label] >= each.end


@given(st.lists(st.sampled_from(["new", "delete"]), min_size=1, max_size=30), st.integers(0, 5))
def test_where_only_messages_vanished_every_pts_is_the_true_one(kinds: list[str], known: int) -> None:
    line = Line()
    for number, kind in enumerate(kinds):
        line.happen(kind, number)
    start = line.log[min(known, len(line.log) - 1)].start
    to_pts, messages, others, _ = line.missed(start, 100)
    told = settle(start, to_pts, messages, others)
    truth = {each.label: each.end for each in line.log}
    assert all(truth[label(update)] == update.pts for update in told if label(update))


def test_a_message_comes_before_its_edit_even_if_something_else_vanished_after_it() -> None:
    line = Line()
    line.new()
    start = line.pts
    for kind, number in (("new", 0), ("edit", 1), ("edit", 0)):
        line.happen(kind, number)
    line.delete(1)
    told = settle(start, *line.missed(start, 100)[:3])
    assert [found for update in told if (found := label(update))] == [
        ("new", None, 2),
        ("edit", None, "2 v1"),
        ("delete", None, 1),
    ]


def test_what_vanished_is_one_update_however_much_it_is() -> None:
    told = settle(10, 2_000_000_000, [], [])
    assert [type(each) for each in told] == [types.UpdateFolderPeers]
    assert (told[0].pts, told[0].pts_count) == (2_000_000_000, 1_999_999_990)


def test_more_messages_than_room_are_all_told_and_it_is_said() -> None:
    said: list[str] = []
    line = Line()
    messages = [line.new() and line.message(line.last_id) for _ in range(4)]
    told = settle(10, 12, messages, [], report=said.append)
    assert [label(each) for each in told] == line.labels
    assert [(each.pts, each.pts_count) for each in told] == [(10, 0), (10, 0), (11, 1), (12, 1)]
    assert said == ["4 new messages where 12 - 10 has room for 2"]


def test_updates_that_stand_over_each_other_or_beyond_are_told_and_keep_the_line() -> None:
    said: list[str] = []
    others = [
        types.UpdateDeleteMessages(messages=[1, 2], pts=13, pts_count=2),
        types.UpdateDeleteMessages(messages=[3, 4], pts=14, pts_count=2),
        types.UpdateDeleteMessages(messages=[5], pts=17, pts_count=1),
    ]
    told = settle(11, 15, [], others, report=said.append)
    assert [label(each) for each in told] == [("delete", None, 1, 2), ("delete", None, 3, 4), ("delete", None, 5)]
    assert stretches(told, None) == [(11, 13), (13, 14), (14, 15)]
    assert len(said) == 2


def test_what_was_known_before_is_not_told_again() -> None:
    others = [types.UpdateDeleteMessages(messages=[1], pts=11, pts_count=1)]
    assert stretches(settle(11, 12, [], others), None) == [(11, 12)]
    assert label(settle(11, 12, [], others)[0]) is None


def test_updates_of_no_line_are_passed_on() -> None:
    loose = types.UpdateConfig()
    assert settle(11, 11, [], [loose]) == [loose]


def test_no_op_takes_its_place_on_any_line() -> None:
    assert tuple(place(no_op(None, 12, 3))) == (None, 9, 12)
    assert tuple(place(wire(no_op(CHANNEL, 12, 3)))) == (CHANNEL, 9, 12)


# ---- differences through the box


@given(HAPPENINGS, st.lists(st.sampled_from(["keep", "lose", "late"]), max_size=25), st.integers(1, 4))
def test_whatever_is_lost_or_late_everything_comes_once_and_in_order(
    happenings: list[tuple[str, int]], fates: list[str], limit: int
) -> None:
    """Nothing is deleted here, so nothing vanishes: what comes out is exactly what happened."""
    in_loop(lambda clock: all_of_it(clock, happenings, fates, limit))


def all_of_it(clock: Clock, happenings: list[tuple[str, int]], fates: list[str], limit: int) -> None:
    telegram = Telegram(limit=limit)
    owner = Owner(clock, telegram)
    late = []
    for (kind, number), fate in itertools.zip_longest(happenings, fates[: len(happenings)], fillvalue="keep"):
        line = telegram.channel if number % 3 == 0 else telegram.account
        happened = line.happen("new" if kind == "delete" else kind, number)
        if fate == "keep":
            owner.tell(types.UpdateShort(read_again(happened), 1_700_000_000))
        elif fate == "late":
            late.append(happened)
        if number % 4 == 0:
            owner.run()
            while late:
                owner.push(read_again(late.pop()))
    owner.run()
    owner.tell(types.UpdatesTooLong())
    owner.run()
    for line in (telegram.account, telegram.channel):
        assert [each for each in owner.labels if each[1] == line.channel] == line.labels
        assert is_without_gap(owner.told, line.channel, 1, line.pts)
        assert stretches(owner.told, line.channel) == [(each.start, each.end) for each in line.log]
    assert owner.pts() == (telegram.account.pts, telegram.channel.pts)
    assert not owner.box.holes


def read_again(happened: Happened) -> Any:
    return read(happened.update)


@given(
    HAPPENINGS,
    st.lists(st.sampled_from(["keep", "lose", "late"]), max_size=25),
    st.lists(st.sampled_from([0, 0, 3, 40]), max_size=12),
    st.integers(1, 4),
)
def test_however_often_telegram_lets_it_wait_everything_comes_once_and_in_order(
    happenings: list[tuple[str, int]], fates: list[str], floods: list[int], limit: int
) -> None:
    """And nobody asks before the wait is over; what has no difference to wait for comes at once."""

    def work(clock: Clock) -> None:
        telegram, until, waits = Telegram(limit=limit), dict.fromkeys((True, False), 0.0), list(floods)
        owner = Owner(clock, telegram)
        owner.box.left = lambda method: until["Channel" in method] - clock.now

        def ask(request: Any) -> Any:
            of_channel = hasattr(request, "channel")
            assert clock.now >= until[of_channel]
            if waits and (seconds := waits.pop()):
                until[of_channel] = clock.now + seconds
                raise Flooded
            return telegram.answer(request)

        owner.ask = ask
        for (kind, number), fate in itertools.zip_longest(happenings, fates[: len(happenings)], fillvalue="keep"):
            line = telegram.channel if number % 3 == 0 else telegram.account
            happened = line.happen("new" if kind == "delete" else kind, number)
            if fate != "lose":
                owner.tell(types.UpdateShort(read_again(happened), 1_700_000_000))
            owner.run(1 + number % 7 if fate == "keep" else 0)
        owner.tell(types.UpdatesTooLong())
        owner.run()
        for line in (telegram.account, telegram.channel):
            assert [each for each in owner.labels if each[1] == line.channel] == line.labels
            assert is_without_gap(owner.told, line.channel, 1, line.pts)
        assert not owner.box.holes
        assert not owner.box._waiting

    in_loop(work)


@dataclass
class Asked:
    """A request for the account's difference."""

    pts: int


def of_account(telegram: Telegram, *kinds: str) -> list[Happened]:
    return [telegram.account.happen(kind, 0) for kind in kinds]


def test_edits_deletions_and_read_marks_of_a_difference_come_with_their_pts() -> None:
    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        of_account(telegram, "new", "edit", "new", "read", "new")
        telegram.account.delete(2)
        owner.tell(types.UpdatesTooLong())
        owner.run()
        assert owner.labels == [
            ("new", None, 1),
            ("edit", None, "1 v1"),
            ("read", None, 2, 4),
            ("new", None, 3),
            ("delete", None, 2),
        ]
        assert stretches(owner.told, None) == [(1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7)]

    in_loop(work)


def test_what_comes_while_the_difference_is_asked_for_is_put_off_not_dropped() -> None:
    """A result of our own call may be younger than the difference; Telethon forgets it until the next update."""

    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        of_account(telegram, "new", "new")
        difference = wire(telegram.answer(Asked(1)))
        younger = of_account(telegram, "new")[0]
        owner.box.try_begin_get_diff(ENTRY_ACCOUNT, "test")
        assert owner.box.get_difference() is not None
        told: list[Any] = []
        owner.box.process_updates(wire(types.UpdateShort(read_again(younger), 1)), owner.hashes, told)
        assert not told
        told, _, _ = owner.box.apply_difference(difference, owner.hashes)
        assert [label(each) for each in told] == telegram.account.labels

    in_loop(work)


def test_a_gap_that_the_difference_does_not_reach_is_not_forgotten() -> None:
    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        of_account(telegram, "new")
        lagging = telegram.answer(Asked(1))
        second = of_account(telegram, "new")[0]
        owner.push(read_again(second))
        owner.ask = lambda request: lagging
        owner.run()
        assert owner.labels == telegram.account.labels

    in_loop(work)


def test_difference_too_long_leaps_says_so_and_asks_on() -> None:
    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        of_account(telegram, *["new"] * 8)
        answers = [types.updates.DifferenceTooLong(pts=7)]
        owner.ask = lambda request: answers.pop() if answers else telegram.answer(request)
        owner.tell(types.UpdatesTooLong())
        owner.run()
        assert owner.box.take_holes() == [Hole(None, 1, 7)] and not owner.box.holes
        assert owner.labels == telegram.account.labels[6:]

    in_loop(work)


def test_a_channel_too_long_says_where_the_hole_is() -> None:
    def work(clock: Clock) -> None:
        owner = Owner(clock, Telegram())
        dialog = build(
            types.Dialog,
            peer=types.PeerChannel(CHANNEL),
            top_message=9,
            read_inbox_max_id=0,
            read_outbox_max_id=0,
            unread_count=0,
            unread_mentions_count=0,
            unread_reactions_count=0,
            unread_poll_votes_count=0,
            notify_settings=types.PeerNotifySettings(),
            pts=90,
        )
        answers = [types.updates.ChannelDifferenceTooLong(dialog, [], [], [], final=True)]
        empty = types.updates.ChannelDifferenceEmpty(pts=91, final=True)
        owner.ask = lambda request: answers.pop() if answers else empty
        owner.push(types.UpdateChannelTooLong(channel_id=CHANNEL))
        owner.run()
        assert owner.box.take_holes() == [Hole(CHANNEL, 1, 90)]
        assert stretches(owner.told, CHANNEL) == [(90, 91)]  # the empty difference moved it: told as a no-op

    in_loop(work)


def test_a_channel_that_is_not_followed_is_left_to_those_who_follow_it() -> None:
    def work(clock: Clock) -> None:
        owner = Owner(clock, Telegram(), channel=None)
        owner.push(types.UpdateChannelTooLong(channel_id=CHANNEL))
        owner.run()
        assert owner.labels == [("UpdateChannelTooLong",)] and not owner.asked

    in_loop(work)


def test_a_gap_in_a_channel_without_a_hash_is_a_hole_and_what_follows_it_is_told() -> None:
    """Telethon drops the channel's pts, and the updates after the gap with it, without a word."""

    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        owner.hashes.hash_map.clear()
        for kind in ("new", "new", "edit"):
            telegram.channel.happen(kind, 0)
        owner.push(read_again(telegram.channel.log[1]), read_again(telegram.channel.log[2]))
        owner.run()
        assert owner.box.take_holes() == [Hole(CHANNEL, 1, 2)]
        owner.push(types.UpdateConfig())
        owner.run()
        assert owner.labels == [*telegram.channel.labels[1:], ("UpdateConfig",)]

    in_loop(work)


def test_a_hash_that_telethon_has_forgotten_is_looked_for_before_a_gap_is_given_up() -> None:
    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        owner.hashes.hash_map.clear()
        owner.box.hash_of = {CHANNEL: 7}.get
        for kind in ("new", "new", "edit"):
            telegram.channel.happen(kind, 0)
        owner.push(read_again(telegram.channel.log[2]))
        owner.run()
        assert (owner.asked[0].channel.channel_id, owner.asked[0].channel.access_hash) == (CHANNEL, 7)
        assert not owner.box.take_holes() and owner.labels == telegram.channel.labels

    in_loop(work)


def test_quiet_channels_are_asked_about_all_at_once() -> None:
    """Telethon asks for the difference of each channel in which nothing has happened for 15 minutes."""

    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        for number in range(1000, 1200):
            owner.box.follow(number, 5)
        clock.now += 16 * 60
        owner.run()
        assert [type(each).__name__ for each in owner.asked] == ["GetDifferenceRequest"]
        telegram.channel.new()
        clock.now += 16 * 60
        owner.run()
        assert [type(each).__name__ for each in owner.asked[1:]] == [
            "GetDifferenceRequest",
            "GetChannelDifferenceRequest",
        ]
        assert owner.labels == telegram.channel.labels

    in_loop(work)


def test_a_gap_in_a_channel_is_asked_for_at_once_however_quiet_the_others_are() -> None:
    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        telegram.channel.new()
        owner.push(read_again(telegram.channel.new()))
        owner.run()
        assert [type(each).__name__ for each in owner.asked] == ["GetChannelDifferenceRequest"]

    in_loop(work)


def test_what_comes_over_a_new_line_does_not_say_up_to_when_all_is_known() -> None:
    """Telegram names the channels that have moved since the date it is asked from: of one that moved while the line was
    down nobody would hear, if what happened in another since then counted."""

    def work(clock: Clock) -> None:
        owner = Owner(clock, Telegram())
        owner.tell(types.UpdatesTooLong())  # it has begun, and knows all
        owner.run()
        known = owner.box.date
        owner.box.follow(5, 8)
        update = types.UpdateDeleteChannelMessages(channel_id=5, messages=[1], pts=9, pts_count=1)
        owner.tell(types.Updates([update], [], [], int(known.timestamp()) + 100, 0))
        owner.run()
        assert owner.box.date == known + timedelta(seconds=100)
        owner.box.line_lost()
        update = types.UpdateDeleteChannelMessages(channel_id=5, messages=[2], pts=10, pts_count=1)
        owner.tell(types.Updates([update], [], [], int(known.timestamp()) + 500, 0))
        owner.tell(types.UpdatesTooLong())
        owner.run()
        assert owner.asked[-1].date <= known + timedelta(seconds=100)
        assert owner.box.latest == known + timedelta(seconds=500)

    in_loop(work)


def test_a_channel_that_was_left_while_its_difference_was_asked_for_is_told_and_then_no_more() -> None:
    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        telegram.channel.new()
        owner.push(types.UpdateChannelTooLong(channel_id=CHANNEL))

        def ask(request: Any) -> Any:
            owner.box.follow_no_more(CHANNEL)
            return telegram.answer(request)

        owner.ask = ask
        owner.run()
        assert owner.labels == telegram.channel.labels and CHANNEL not in owner.box.map
        assert owner.box.take_holes() == [Hole(CHANNEL, telegram.channel.pts, None)]
        owner.box.follow(CHANNEL, 2)
        owner.box.follow_no_more(CHANNEL)
        assert CHANNEL not in owner.box.map and not owner.box.take_holes()

    in_loop(work)


def test_updates_with_qts_of_a_difference_are_told_with_it() -> None:
    def work(clock: Clock) -> None:
        owner = Owner(clock, Telegram())
        stopped = [types.UpdateBotStopped(user_id=FRIEND, date=1, stopped=True, qts=qts) for qts in (4, 5, 6)]
        state = types.updates.State(pts=1, qts=6, date=1, seq=0, unread_count=0)
        answer = types.updates.Difference([], [], stopped, [], [], state)
        owner.push(stopped[0])
        owner.run()
        owner.ask = lambda request: answer
        owner.tell(types.UpdatesTooLong())
        owner.run()
        assert stretches(owner.told, QTS) == [(3, 4), (4, 5), (5, 6)]

    in_loop(work)


def test_a_difference_without_other_updates_holds_nothing_else() -> None:
    """Telethon's own returns the whole container as if it were an update then."""

    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        state = types.updates.State(pts=1, qts=0, date=1, seq=0, unread_count=0)
        owner.ask = lambda request: types.updates.Difference([], [], [], [], [], state)
        owner.tell(types.UpdatesTooLong())
        owner.run()
        assert owner.told == []

    in_loop(work)


# ---- seq


def with_seq(seq: int, *updates: Any) -> Any:
    return types.Updates(list(updates), [], [], 1_700_000_000, seq)


def test_a_seq_that_begins_anew_swallows_nothing() -> None:
    """facts.md, trap 10: a new authorization counts from 1 again, while the pts goes on."""

    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        owner.box.seq = 500
        first, second = of_account(telegram, "new", "new")
        owner.tell(with_seq(3, types.UpdateConfig(), read_again(first)))
        owner.tell(with_seq(4, types.UpdatePtsChanged()))
        owner.tell(with_seq(5, read_again(second)))
        owner.run()
        assert owner.labels == [("UpdateConfig",), ("new", None, 1), ("UpdatePtsChanged",), ("new", None, 2)]
        assert not owner.asked

    in_loop(work)


def test_updates_without_pts_that_come_again_are_told_once() -> None:
    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        first = of_account(telegram, "new")[0]
        for _ in range(2):
            owner.tell(with_seq(1, types.UpdateConfig(), read_again(first)))
        owner.run()
        assert owner.labels == [("UpdateConfig",), ("new", None, 1)]

    in_loop(work)


def test_a_channel_is_not_kept_from_its_updates_by_an_old_seq() -> None:
    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        owner.box.seq = 7
        owner.tell(with_seq(6, read_again(telegram.channel.new())))
        owner.run()
        assert owner.labels == telegram.channel.labels and owner.box.seq == 7

    in_loop(work)


@pytest.mark.parametrize(("seq_after", "told"), [(9, 0), (3, 1)])
def test_updates_behind_a_gap_in_seq_are_told_after_the_difference_unless_it_held_them(
    seq_after: int, told: int
) -> None:
    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        owner.box.seq = 1
        first = of_account(telegram, "new")[0]
        state = types.updates.State(pts=1, qts=0, date=1, seq=seq_after, unread_count=0)
        owner.ask = lambda request: types.updates.Difference([], [], [types.UpdatePtsChanged()], [], [], state)
        owner.tell(with_seq(5, types.UpdateConfig(), read_again(first)))
        owner.run()
        assert owner.labels.count(("UpdateConfig",)) == told
        assert ("new", None, 1) in owner.labels

    in_loop(work)


# ---- what is told


@pytest.mark.parametrize("out", [None, True])
def test_short_forms_come_out_in_full(out: bool | None) -> None:
    def work(clock: Clock) -> None:
        owner = Owner(clock, Telegram())
        owner.tell(types.UpdateShortMessage(id=5, user_id=FRIEND, message="hi", pts=2, pts_count=1, date=1, out=out))
        owner.tell(
            types.UpdateShortChatMessage(
                id=6, from_id=FRIEND, chat_id=8, message="all", pts=3, pts_count=1, date=1, out=None, silent=True
            )
        )
        owner.run()
        private, group = (update.message for update in owner.told)
        assert all(isinstance(update, types.UpdateNewMessage) for update in owner.told)
        assert (private.id, private.message, private.peer_id.user_id) == (5, "hi", FRIEND)
        assert private.from_id.user_id == (ME if out else FRIEND)
        assert (group.id, group.message, group.silent, group.peer_id.chat_id) == (6, "all", True, 8)
        assert wire(owner.told[0]).message.message == "hi"

    in_loop(work)


def test_a_full_form_does_not_guess_who_we_are() -> None:
    short = types.UpdateShortMessage(id=5, user_id=FRIEND, message="hi", pts=2, pts_count=1, date=1, out=True)
    assert in_full(short, None).updates[0].message.from_id is None


def test_what_our_own_calls_did_is_told_too() -> None:
    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        own = wire(types.Updates([read_again(telegram.account.new())], [], [], 1_700_000_000, 0))
        own._self_outgoing = True  # as Telethon marks it
        owner.queue.append(own)
        owner.run()
        assert owner.labels == telegram.account.labels

    in_loop(work)


def test_a_result_that_does_not_say_what_happened_is_asked_for() -> None:
    """An updateShortSentMessage has no text, messages.affected* no ids: passing them on would hide the message."""

    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        of_account(telegram, "new")
        owner.tell(types.UpdateShortSentMessage(id=1, pts=2, pts_count=1, date=1))
        owner.run()
        telegram.account.delete(1)
        owner.tell(types.UpdateShort(types.UpdateDeleteMessages([], pts=3, pts_count=1), 1))
        owner.run()
        assert owner.labels == telegram.account.labels and len(owner.asked) == 2
        owner.tell(types.UpdateShort(types.UpdateDeleteMessages([], pts=3, pts_count=0), 1))
        owner.run()
        assert len(owner.asked) == 2

    in_loop(work)


def test_who_came_with_an_update_that_had_to_wait_comes_with_it() -> None:
    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        first, second = of_account(telegram, "new", "new")
        user = types.User(id=FRIEND)
        owner.tell(types.Updates([read_again(second)], [user], [], 1, 0))
        owner.tell(types.Updates([read_again(first)], [], [], 1, 0))
        owner.run()
        assert owner.labels == telegram.account.labels
        assert [each.id for each in owner.came[-1][0]] == [FRIEND]

    in_loop(work)


@given(HAPPENINGS)
def test_a_stock_message_box_takes_a_settled_difference_whole(happenings: list[tuple[str, int]]) -> None:
    def work(clock: Clock) -> None:
        line = Line()
        for happening in happenings:
            line.happen(*happening)
        to_pts, messages, others, _ = line.missed(1, 100)
        told: list[Any] = []
        stock = Client(clock, MessageBox(LOG["messagebox"]), pytest.fail, lambda updates, *_: told.extend(updates))
        stock.load(1, {})
        settled = settle(1, to_pts, messages, others)
        for update in settled:
            stock.push(update)
        stock.run()
        assert [label(each) for each in told] == [label(each) for each in settled] and stock.pts()[0] == to_pts

    in_loop(work)


def test_a_failed_difference_is_no_gap_error_storm() -> None:
    """What waited is let go: asking again at once, while Telegram says no, would be hammering."""

    def work(clock: Clock) -> None:
        telegram = Telegram()
        owner = Owner(clock, telegram)
        second = of_account(telegram, "new", "new")[1]
        told: list[Any] = []
        with pytest.raises(GapError):
            owner.box.process_updates(types.UpdatesTooLong(), owner.hashes, told)
        owner.box.process_updates(wire(types.UpdateShort(read_again(second), 1)), owner.hashes, told)
        owner.box.end_difference()
        assert not owner.box.getting_diff_for and not owner.box.possible_gaps and not told
        owner.push(read_again(second))
        owner.run()
        assert owner.labels == telegram.account.labels

    in_loop(work)
