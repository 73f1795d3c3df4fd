"""The journal: whatever a borrower missed, it is told all of it, once, in order; or to ask Telegram."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telethon._updates import MessageBox

from telekeep.gateway.entries import Entry, entries_of
from telekeep.gateway.journal import BEYOND, Journal, TooFar
from telekeep.mtproto.schema import read, types
from telekeep.session.model import UpdateState
from telekeep.upstream.box import OwnerBox
from telekeep.upstream.settle import QTS
from upstream.telling import CHANNEL, FRIEND, LOG, Client, Clock, Line, Telegram, in_loop, label, wire

DATE = 1_700_000_000


class Borrower:
    """A stock client on a loan. ``rewinds``: its gateway tells it again from where the replay begins, instead of the
    replay itself. ``together``: what can be told as one is."""

    def __init__(self, house: House, *, rewinds: bool, together: bool = False) -> None:
        self.house, self.rewinds, self.together = house, rewinds, together
        self.told: list[Any] = []
        self.beyond = 0
        self._start()
        state = house.journal.state()
        self.client.box.set_state(wire(state))
        self.client.box.try_set_channel_state(CHANNEL, house.journal.now(CHANNEL))
        self.began = self.client.pts()

    def _start(self) -> None:
        self.client = Client(self.house.clock, MessageBox(LOG["messagebox"]), self._ask, self._hear)
        self._listen()

    def _listen(self) -> None:
        self.cursor = self.loose = self.house.journal.head

    def restart(self) -> None:
        """Its process ends, and another goes on from what it wrote down."""
        account, channel = self.client.pts()
        self._start()
        self.client.load(account, {CHANNEL: channel or 1})
        self.client.tell(types.UpdatesTooLong())

    def reconnect(self) -> None:
        """The line was lost; the gateway tells it to ask what it missed."""
        self.client.queue.clear()
        self._listen()
        self.client.tell(types.UpdatesTooLong())

    def follow(self) -> None:
        journal = self.house.journal
        try:
            entries = journal.after(self.cursor)
        except TooFar as error:
            self.cursor = self.loose = journal.head
            self.client.queue += map(read, error.pushes)
            return
        news = [entry for entry in entries if entry.advances or entry.number > self.loose]
        together = self.together and news and len(news) == len(entries)
        self.client.queue += map(read, journal.told(news) if together else [entry.body for entry in news])
        self.cursor = entries[-1].number if entries else self.cursor

    def _ask(self, request: Any) -> Any:
        self.house.meddle()
        journal = self.house.journal
        if hasattr(request, "channel"):
            replay = journal.channel_difference(request.channel.channel_id, request.pts)
        else:
            replay = journal.difference(request.pts, request.qts, request.date)
        if replay is BEYOND:
            self.beyond += 1
            return self.house.telegram.answer(request)
        self.client.queue += map(read, replay.prelude)
        if self.rewinds and replay.entries:
            self.loose = max(self.loose, self.cursor)
            self.cursor = min(self.cursor, replay.entries[0].number - 1)
            self.follow()
        else:
            self.client.queue += [read(entry.body) for entry in replay.entries]
        self.house.meddle()
        return replay.answer

    def _hear(self, updates: Any, users: Any, chats: Any) -> None:
        self.told += [found for update in updates if (found := label(update)) is not None]

    def told_of(self, line: Line) -> list[Any]:
        return [each for each in self.told if each[1] == line.channel]

    def to_tell(self, line: Line) -> list[Any]:
        """All that happened on ``line`` since it began."""
        began = self.began[0 if line.channel is None else 1]
        return [each.label for each in line.log if each.end > began]


class House:
    """Telegram, an owner with its journal, and its borrowers. ``meddling``: what happens while somebody asks."""

    def __init__(
        self, clock: Clock, *, journal: Journal | None = None, limit: int = 100, meddling: Sequence[int] = ()
    ) -> None:
        self.clock = clock
        self.telegram = Telegram(limit=limit)
        self.journal = journal or Journal()
        self.meddling = list(meddling)
        self.borrowers: list[Borrower] = []
        self.written: list[tuple[int, bytes]] = []
        self.state = UpdateState(1, 0, DATE, 0, {CHANNEL: 1})
        self.journal.seen(self.state)
        self._open()

    def _open(self) -> None:
        state = self.journal.resumed(self.state)
        self.owner = Client(self.clock, OwnerBox(LOG["messagebox"]), self.telegram.answer, self._hear)
        self.owner.load(state.pts, dict(state.channels))

    def _hear(self, updates: Any, users: Any, chats: Any) -> None:
        for hole in self.owner.box.take_holes():
            self.journal.leap(hole.line, hole.end)
        for entry in entries_of(updates, users, chats, DATE):
            self.journal.append(entry)
        for borrower in self.borrowers:
            borrower.follow()

    def happen(self, kind: str, number: int, *, is_lost: bool = False) -> None:
        line = self.telegram.channel if number % 3 == 0 else self.telegram.account
        happened = line.happen(kind, number)
        if not is_lost:
            self.owner.push(read(happened.update))

    def meddle(self) -> None:
        """Something happens just now, and reaches the owner."""
        if self.meddling:
            number = self.meddling.pop()
            if number:
                self.happen("new", number)
                self.owner.run()

    def save(self) -> None:
        self.written += [(entry.number, entry.to_payload()) for entry in self.journal.unsaved()]
        self.journal.saved(self.journal.head)
        account, channel = self.owner.pts()
        self.state = UpdateState(account, 0, DATE, 0, {CHANNEL: channel or 1})

    def crash(self) -> None:
        """The owner is killed, and another takes over with what was written."""
        self.journal = Journal()
        self.journal.restore([Entry.from_payload(*row) for row in self.written], self.state)
        self._open()
        for borrower in self.borrowers:
            borrower.reconnect()
        self.owner.tell(types.UpdatesTooLong())

    def settle(self) -> None:
        self.meddling.clear()
        self.owner.tell(types.UpdatesTooLong())
        self.owner.run()
        for borrower in self.borrowers:
            borrower.client.run()


HAPPENS = st.tuples(st.sampled_from(["new", "new", "edit", "read", "delete"]), st.integers(0, 20), st.booleans())
TURNS = st.tuples(
    st.sampled_from(["turns", "run", "restart", "restart", "reconnect"]), st.integers(0, 2), st.integers(1, 4)
)
STEPS = st.lists(
    st.one_of(
        HAPPENS,
        HAPPENS,
        st.tuples(st.sampled_from(["owner"]), st.integers(1, 9)),
        TURNS,
        TURNS,
        st.tuples(st.sampled_from(["save", "crash"])),
    ),
    min_size=20,
    max_size=80,
)
MEDDLING = st.lists(st.integers(0, 5), max_size=12)


def live(house: House, steps: Any, *, without: set[str]) -> None:
    """Three borrowers, the third of which comes late."""
    house.borrowers += [Borrower(house, rewinds=False), Borrower(house, rewinds=True)]
    for index, (step, *details) in enumerate(steps):
        if index == len(steps) // 2:
            house.owner.run()
            house.borrowers.append(Borrower(house, rewinds=index % 2 == 0, together=True))
        if step in without:
            continue
        if step == "owner":
            house.owner.run(*details)
        elif step in ("save", "crash"):
            getattr(house, step)()
        elif step in ("turns", "run", "restart", "reconnect"):
            borrower = house.borrowers[details[0] % len(house.borrowers)]
            if step == "turns":
                borrower.client.run(details[1])
            elif step == "run":
                borrower.client.run()
            else:
                getattr(borrower, step)()
        else:
            number, is_lost = details
            house.happen(step, number, is_lost=is_lost)
    house.settle()


@settings(max_examples=200)
@given(STEPS, MEDDLING, st.integers(1, 4))
def test_every_update_is_told_once_and_in_order_whatever_is_lost_or_dies(
    steps: Any, meddling: list[int], limit: int
) -> None:
    """New messages, edits and read marks; pushes are lost, borrowers and owners killed at any point."""

    def work(clock: Clock) -> None:
        house = House(clock, limit=limit, meddling=meddling)
        live(house, steps, without={"delete"})
        for borrower in house.borrowers:
            assert borrower.beyond == 0
            for line in (house.telegram.account, house.telegram.channel):
                assert borrower.told_of(line) == borrower.to_tell(line)
            assert borrower.client.pts() == (house.telegram.account.pts, house.telegram.channel.pts)

    in_loop(work)


@settings(max_examples=200)
@given(STEPS, MEDDLING, st.integers(1, 4))
def test_with_deletions_nothing_is_told_twice_and_only_what_vanished_is_missing(
    steps: Any, meddling: list[int], limit: int
) -> None:
    def work(clock: Clock) -> None:
        house = House(clock, limit=limit, meddling=meddling)
        live(house, steps, without={"crash"})
        for borrower in house.borrowers:
            assert borrower.client.pts() == (house.telegram.account.pts, house.telegram.channel.pts)
            for line in (house.telegram.account, house.telegram.channel):
                told, happened = borrower.told_of(line), borrower.to_tell(line)
                stays = {each.label for each in line.log if not each.about or each.about in line.alive}
                if borrower.beyond:  # of a stretch whose messages are deleted the owner knows the end only
                    assert {each for each in stays.intersection(happened) if each[0] == "new"} <= set(told)
                    continue
                assert len(set(told)) == len(told) and set(told) <= set(happened)
                assert stays.intersection(happened) <= set(told)
                for kind in ("new", "edit", "delete", "read"):
                    assert [each for each in told if each[0] == kind] == [
                        each for each in happened if each[0] == kind and each in told
                    ]

    in_loop(work)


@settings(max_examples=200)
@given(STEPS, MEDDLING, st.integers(1, 5))
def test_with_a_small_journal_every_message_is_told_once(steps: Any, meddling: list[int], capacity: int) -> None:
    """What the journal does not reach Telegram answers, and a stock client drops the edits of that."""

    def work(clock: Clock) -> None:
        house = House(clock, journal=Journal(capacity_entries=capacity), meddling=meddling)
        live(house, steps, without={"delete", "crash"})
        for borrower in house.borrowers:
            assert borrower.client.pts() == (house.telegram.account.pts, house.telegram.channel.pts)
            for line in (house.telegram.account, house.telegram.channel):
                told, happened = borrower.told_of(line), borrower.to_tell(line)
                assert len(set(told)) == len(told)
                assert [each for each in told if each[0] == "new"] == [each for each in happened if each[0] == "new"]

    in_loop(work)


# ---- one by one


def new(pts: int, *, count: int = 1, line: int | None = None, size: int = 0, date: int = DATE) -> Entry:
    update = types.UpdateDeleteMessages(messages=[7] * (size // 4), pts=pts, pts_count=count)
    if line == QTS:
        update = types.UpdateBotStopped(user_id=FRIEND, date=DATE, stopped=True, qts=pts)
    elif line is not None:
        update = types.UpdateDeleteChannelMessages(channel_id=line, messages=[7], pts=pts, pts_count=count)
    return entries_of([update], [], [], date)[0]


def loose() -> Entry:
    return entries_of([types.UpdateConfig()], [], [], DATE)[0]


def journal_of(*entries: Entry, state: UpdateState | None = None, **limits: Any) -> Journal:
    journal = Journal(**limits)
    journal.seen(state or UpdateState(10, 0, DATE, 77, {CHANNEL: 5}))
    for entry in entries:
        journal.append(entry)
    return journal


def numbers(replay: Any) -> list[int]:
    return [entry.number for entry in replay.entries]


def test_the_state_tells_no_seq() -> None:
    state = wire(journal_of(new(11)).state())
    assert (state.pts, state.qts, state.seq, state.unread_count) == (11, 0, 0, 0)
    assert state.date == datetime.fromtimestamp(DATE, UTC)


def test_a_journal_that_knows_nothing_answers_nothing() -> None:
    journal = Journal()
    assert journal.state() is BEYOND
    assert journal.difference(5, 0, DATE) is BEYOND
    assert journal.channel_difference(CHANNEL, 5) is BEYOND


def test_a_difference_is_empty_and_what_was_missed_follows() -> None:
    journal = journal_of(new(11), loose(), new(6, line=CHANNEL), new(13, count=2))
    replay = journal.difference(11)
    answer = wire(replay.answer)
    assert isinstance(answer, types.updates.DifferenceEmpty) and answer.seq == 0
    assert numbers(replay) == [4] and replay.prelude == ()
    assert numbers(journal.difference(10)) == [1, 4]


def test_a_channels_difference_keeps_the_pts_that_was_asked() -> None:
    """Another would make the borrower take for old what follows."""
    journal = journal_of(new(6, line=CHANNEL), new(11), new(7, line=CHANNEL))
    replay = journal.channel_difference(CHANNEL, 6)
    answer = wire(replay.answer)
    assert isinstance(answer, types.updates.ChannelDifferenceEmpty) and answer.final and answer.pts == 6
    assert numbers(replay) == [3]


def test_what_lies_before_the_beginning_or_a_hole_is_beyond() -> None:
    journal = journal_of(new(11), new(15), new(16))
    assert journal.difference(9) is BEYOND
    assert journal.difference(13) is BEYOND
    assert numbers(journal.difference(14)) == [2, 3]


def test_somebody_who_knows_more_than_the_owner_misses_nothing() -> None:
    assert numbers(journal_of(new(11)).difference(99)) == []
    assert wire(journal_of().channel_difference(CHANNEL, 9).answer).pts == 9


def test_what_is_not_kept_any_more_is_beyond() -> None:
    journal = journal_of(*(new(pts) for pts in range(11, 311)), capacity_entries=100)
    assert journal.size == 100 and journal.oldest == 201 and journal.head == 300
    assert journal.difference(209) is BEYOND
    assert len(journal.difference(210).entries) == 100
    assert [entry.number for entry in journal.after(298)] == [299, 300]
    assert [entry.number for entry in journal.after(200, 2)] == [201, 202]
    assert journal.after(300) == [] == journal.after(400)


def test_bodies_are_bounded_too_but_the_newest_is_kept() -> None:
    journal = journal_of(*(new(pts, size=4000) for pts in range(11, 61)), capacity_bytes=50_000)
    assert 5 < journal.size < 12 and journal.bytes <= 50_000
    journal.append(new(61, size=100_000))
    assert journal.size == 1


def test_a_cursor_too_old_is_told_to_ask_about_the_account_and_every_channel() -> None:
    journal = journal_of(*(new(pts) for pts in range(11, 21)), capacity_entries=5)
    with pytest.raises(TooFar) as caught:
        journal.after(3)
    account, channels = map(read, caught.value.pushes)
    assert isinstance(account, types.UpdatesTooLong)
    assert [update.channel_id for update in channels.updates] == [CHANNEL]
    assert channels.updates[0].pts is None


def test_one_who_was_away_is_told_to_ask_about_channels_that_moved_since() -> None:
    journal = journal_of(new(6, line=CHANNEL, date=DATE + 1000), new(3, line=400, date=DATE + 2000), new(11))
    (body,) = journal.difference(10, 0, DATE + 1500).prelude
    assert [update.channel_id for update in read(body).updates] == [400]
    moment = datetime.fromtimestamp(DATE + 900, UTC)
    assert [update.channel_id for update in read(journal.difference(10, 0, moment).prelude[0]).updates] == [
        CHANNEL,
        400,
    ]


def test_updates_without_pts_are_for_those_who_were_there() -> None:
    journal = journal_of(new(11), loose(), new(12), loose())
    assert numbers(journal.difference(10)) == [1, 3]
    assert numbers(journal.difference(10, since=2)) == [1, 3, 4]


def test_qts_is_a_line_of_its_own() -> None:
    journal = journal_of(new(4, line=QTS), new(11), new(5, line=QTS), state=UpdateState(10, 3, DATE, 0))
    assert journal.state().qts == 5
    assert numbers(journal.difference(10, 4)) == [2, 3]
    assert numbers(journal.difference(10, 0)) == [2]
    assert journal.difference(10, 2) is BEYOND


def test_somebody_who_stands_in_the_middle_of_an_entry_gets_what_is_left_of_it() -> None:
    """A no-op over what vanished may cover the pts somebody has come to; as it is, its box would take it for old."""
    journal = journal_of(new(15, count=5), new(16))
    replay = journal.difference(13)
    (body,) = replay.prelude
    (update,) = read(body).updates
    assert (update.pts, update.pts_count) == (15, 2)
    assert numbers(replay) == [2]


def test_a_leap_is_a_hole_and_everybody_is_told_to_ask() -> None:
    journal = journal_of(new(11))
    journal.leap(None, 20)
    journal.leap(CHANNEL, 30)
    journal.leap(CHANNEL, None)
    assert journal.difference(11) is BEYOND and numbers(journal.difference(20)) == []
    assert journal.channel_difference(CHANNEL, 30) is BEYOND
    bodies = [read(entry.body) for entry in journal.after(1)]
    assert isinstance(bodies[0], types.UpdatesTooLong)
    assert [body.updates[0].channel_id for body in bodies[1:]] == [CHANNEL, CHANNEL]


def test_covers_tells_how_far_a_line_has_come() -> None:
    journal = journal_of(new(11))
    assert journal.covers(None, 11) and not journal.covers(None, 12)
    assert journal.covers(CHANNEL, 5) and not journal.covers(400, 1)


def test_what_was_written_is_there_again() -> None:
    first = journal_of(new(11), loose(), new(6, line=CHANNEL))
    rows = [(entry.number, entry.to_payload()) for entry in first.unsaved()]
    first.saved(first.head)
    assert first.unsaved() == []
    first.append(new(12))
    rows += [(entry.number, entry.to_payload()) for entry in first.unsaved()]
    second = Journal()
    second.restore([Entry.from_payload(*row) for row in rows], UpdateState(12, 0, DATE, 7, {CHANNEL: 6}))
    assert second.after(0) == first.after(0) and second.head == 4 and second.unsaved() == []
    assert numbers(second.difference(10)) == numbers(first.difference(10)) == [1, 4]
    assert second.append(new(13)).number == 5


def test_a_journal_that_came_further_than_the_vault_is_right() -> None:
    """Its entries were really received: to begin earlier would tell them twice."""
    entries = journal_of(new(11), new(12), new(6, line=CHANNEL), new(9, line=400)).after(0)
    journal = Journal()
    journal.restore(entries, UpdateState(11, 0, DATE, 7, {CHANNEL: 5}))
    assert journal.resumed(UpdateState(11, 0, DATE, 7, {CHANNEL: 5})) == UpdateState(
        12, 0, DATE, 7, {CHANNEL: 6, 400: 9}
    )
    assert numbers(journal.difference(11)) == [2]


def test_a_journal_that_the_vault_has_outrun_has_a_hole() -> None:
    journal = Journal()
    journal.restore(journal_of(new(11)).after(0), UpdateState(15, 0, DATE, 7, {CHANNEL: 5}))
    assert journal.difference(11) is BEYOND and numbers(journal.difference(15)) == []
    assert journal.resumed(UpdateState(15, 0, DATE, 7)).pts == 15


def test_rows_missing_in_between_leave_what_comes_after_them() -> None:
    entries = journal_of(new(11), new(12), new(13)).after(0)
    journal = Journal()
    journal.restore([entries[0], entries[2]], UpdateState(13, 0, DATE, 0))
    assert journal.difference(11) is BEYOND and numbers(journal.difference(12)) == [3]
    assert journal.oldest == journal.head == 3


def test_what_the_box_begins_with_changes_nothing_about_lines_that_are_followed() -> None:
    """It may be asked while something of it is on its way into the journal: that would be a hole."""
    journal = journal_of(new(11))
    journal.seen(UpdateState(12, 4, DATE, 0, {CHANNEL: 7, 400: 9}))
    journal.append(new(12))
    assert numbers(journal.difference(10)) == [1, 2]
    assert (journal.now(CHANNEL), journal.now(400), journal.now(QTS)) == (5, 9, 4)


def test_an_old_line_that_begins_anew_forgets_what_it_had() -> None:
    """An update from further back than the line: only what follows it is without a gap."""
    journal = journal_of(new(11), new(12), new(8))
    assert journal.difference(6) is BEYOND and journal.now(None) == 8
    assert numbers(journal.difference(7)) == [3]
