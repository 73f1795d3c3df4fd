"""What to fetch next: decided without a store, a line or a clock."""

from __future__ import annotations

import random

import pytest

from telekeep.errors import ConfigError
from telekeep.testing.contracts.archives import BOB, GROUP, NEWS, message
from telekeep.work.archive import plan
from telekeep.work.archive.naming import bare, kind_of, read
from telekeep.work.archive.pacing import Pace, day_of, until_tomorrow
from telekeep.work.archive.plan import PAGE, Wish
from telekeep.work.archive.rows import TOP, Message, Progress, Put, Span
from telekeep.work.archive.window import Window


class Chat:
    """A chat at Telegram, and an archive of it that only the plan's changes reach."""

    def __init__(self, count: int) -> None:
        self.there = {number: message(number) for number in range(1, count + 1)}
        self.kept: dict[int, Message] = {}
        self.progress = Progress()
        self.pages = 0

    def page(self, wish: Wish, room: int | None = None) -> int:
        ids = sorted((each for each in self.there if each < self.progress.position), reverse=True)[:PAGE]
        shown = [self.there[each] for each in ids]
        changes, self.progress, count = plan.told_by(
            BOB, self.progress, shown, wish=wish, room=room, spared=frozenset()
        )
        for change in changes:
            if isinstance(change, Span):
                inside = [each for each in self.kept if change.low <= each <= change.high]
                for gone in set(inside) - change.present:
                    del self.kept[gone]
            else:
                assert isinstance(change, Put)
                self.kept.update((each.id, each) for each in change.messages)
        self.pages += 1
        assert self.pages < 1000
        return count

    def run(self, wish: Wish) -> None:
        taken = 0
        while plan.is_due(self.progress, wish, taken):
            before = self.progress
            taken += self.page(wish, None if wish.limit is None else wish.limit - taken)
            if self.progress == before:
                return


def test_a_history_ends_with_the_first_message_and_is_not_fetched_twice() -> None:
    chat = Chat(950)
    chat.run(Wish())
    assert chat.kept == chat.there
    assert chat.progress == Progress(0, 0, True)
    pages = chat.pages
    chat.run(Wish())
    assert chat.pages == pages


def test_a_limit_is_so_many_this_time_and_the_next_time_goes_on() -> None:
    chat = Chat(950)
    chat.run(Wish(limit=250))
    assert sorted(chat.kept) == list(range(701, 951))
    chat.run(Wish(limit=30))
    assert sorted(chat.kept) == list(range(671, 951))
    chat.run(Wish())
    assert chat.kept == chat.there


def test_what_is_too_old_is_left_where_it_is() -> None:
    chat = Chat(950)
    chat.run(Wish(since=chat.there[333].date))
    assert sorted(chat.kept) == list(range(333, 951))
    assert not chat.progress.whole


def test_a_hole_makes_it_look_at_everything_again_and_at_no_more() -> None:
    chat = Chat(950)
    chat.run(Wish(limit=400))
    del chat.there[940], chat.there[700], chat.there[950]
    chat.there[800] = message(800, "changed")
    chat.there[951] = message(951)
    chat.progress = plan.after_hole(chat.progress)
    chat.run(Wish(history=False))
    assert chat.kept == {number: each for number, each in chat.there.items() if number > 550}
    assert not plan.sweeping(chat.progress)
    chat.run(Wish())
    assert chat.kept == chat.there


def test_a_hole_while_a_history_is_fetched_loses_nothing() -> None:
    dice = random.Random(3)
    for _ in range(50):
        chat = Chat(dice.randrange(1, 900))
        for _ in range(200):
            if not plan.is_due(chat.progress, Wish()):
                break
            chat.page(Wish())
            if dice.random() < 0.2 and chat.there:
                del chat.there[dice.choice(sorted(chat.there))]
                chat.progress = plan.after_hole(chat.progress)
        chat.run(Wish())
        assert chat.kept == chat.there


def test_who_only_listens_fetches_nothing_and_closes_holes_of_what_it_heard() -> None:
    chat = Chat(500)
    chat.progress = plan.begun_live(chat.progress, top=500)
    assert not plan.is_due(chat.progress, Wish(history=False))
    for number in (501, 502, 503):
        chat.there[number] = message(number)
    chat.progress = plan.after_hole(chat.progress)
    chat.run(Wish(history=False))
    assert sorted(chat.kept) == [501, 502, 503]
    chat.run(Wish())
    assert chat.kept == chat.there


def test_a_chat_without_messages_is_whole() -> None:
    chat = Chat(0)
    chat.run(Wish())
    assert chat.progress == Progress(0, 0, True)
    assert plan.after_hole(Progress()) == Progress(), "nothing was seen that could have been missed"
    assert plan.begun_live(Progress(5, 5), top=9) == Progress(5, 5)
    assert Progress().position == TOP


# ---- a page and an update about the same message


def test_what_was_heard_while_a_page_was_on_its_way_counts_and_not_the_page() -> None:
    window = Window()
    window.heard(BOB, [1])  # before anybody asked
    first = window.begin()
    window.heard(BOB, [2])
    second = window.begin()
    window.heard(None, [3])  # of the account's line, in whichever chat
    window.heard(GROUP, [4])
    window.heard(NEWS, [5])
    assert window.end(first, BOB) == {2, 3, 4}, "numbers are the account's"
    assert window.end(second, NEWS) == {5}, "but a channel's are its own"
    third = window.begin()
    assert window.end(third, BOB) == frozenset()


def test_a_page_brings_back_nothing_that_was_spared() -> None:
    shown = [message(3, "old"), message(2), message(1)]
    changes, _, _ = plan.told_by(BOB, Progress(), shown, wish=Wish(), room=None, spared=frozenset({3}))
    (span, put) = changes
    assert isinstance(span, Span) and span.spared == {3} and span.high == TOP - 1
    assert isinstance(put, Put) and [each.id for each in put.messages] == [2, 1]


# ---- how a chat is named


@pytest.mark.parametrize(
    ("typed", "id", "username", "title"),
    [
        ("-1001234567890", -1001234567890, None, None),
        ("42", 42, None, None),
        ("@news", None, "news", None),
        ("news", None, "news", "news"),
        ("https://t.me/news/77", None, "news", None),
        ("t.me/s/news", None, "news", None),
        ("https://t.me/c/1234567890/5", -1001234567890, None, None),
        ("tg://resolve?domain=news", None, "news", None),
        ("Our family", None, None, "Our family"),
        ("Семья", None, None, "Семья"),
        ("me", None, "me", None),
    ],
)
def test_a_chat_is_named_as_people_name_it(typed: str, id: int | None, username: str | None, title: str | None) -> None:
    found = read(typed)
    assert (found.id, found.username, found.title) == (id, username, title)


@pytest.mark.parametrize("typed", ["", "  ", "https://t.me/+AbCdEf", "https://t.me/joinchat/AbC", "https://x.org/news"])
def test_what_names_no_chat_is_said_in_words(typed: str) -> None:
    with pytest.raises(ConfigError):
        read(typed)


def test_marked_ids_say_what_they_are_of() -> None:
    assert [(kind_of(each), bare(each)) for each in (42, -42, -1000000000042)] == [
        ("user", 42),
        ("group", 42),
        ("channel", 42),
    ]


# ---- how fast


def test_requests_keep_their_distance() -> None:
    pace = Pace(interval=0.5)
    assert [pace.wait(10.0), pace.wait(10.1), pace.wait(10.2)] == [0.0, pytest.approx(0.4), pytest.approx(0.8)]
    assert pace.wait(60.0) == 0.0


def test_a_budget_is_for_a_day() -> None:
    assert Pace(budget=100).room(30) == 70
    assert Pace(budget=100).room(130) == 0
    assert Pace().room(10**9) is None
    assert day_of(86_400 * 5 + 3) == 5 and until_tomorrow(86_400 * 5 + 3) == 86_397
