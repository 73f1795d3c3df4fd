"""What every archive store keeps. Each function fails with AssertionError, and may be called on any store.

`check_archive` does all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from telekeep.errors import ConfigError, SessionBusy
from telekeep.work.archive.rows import (
    TOP,
    Batch,
    Chat,
    Cursor,
    File,
    Gone,
    Message,
    Person,
    Progress,
    Put,
    Span,
)
from telekeep.work.archive.stores.store import Store

ADA, BOB, GROUP, NEWS, OTHER_NEWS = 7, 42, -5, -1_000_000_000_009, -1_000_000_000_010
DAY = 86_400
Open = Callable[[], Store]
"""Opens a store; the same one each time."""


def message(id: int, text: str = "", *, chat: int = BOB, **more: Any) -> Message:
    row = Message(chat, id, 1_700_000_000 + id, chat if chat > 0 else BOB, text or f"message {id}", False)
    return row._replace(**more)


def batch(*changes: Any, at: int = 1_700_000_000, **more: Any) -> Batch:
    made = Batch(at, list(changes))
    for name, value in more.items():
        setattr(made, name, value)
    return made


CHATS = {
    each.id: each
    for each in (
        Chat(BOB, "user", "Bob", "bob"),
        Chat(GROUP, "group", "Friends"),
        Chat(NEWS, "channel", "News", "news", Progress(10, 10), 77),
        Chat(OTHER_NEWS, "channel", "Other news"),
    )
}


@contextmanager
def opened(open: Open, *, writing: bool = True) -> Iterator[Store]:
    store = open()
    try:
        if writing:
            store.claim()
            store.keep_for(ADA, "main")
        yield store
    finally:
        store.close()


def check_archive(make: Callable[[], Open]) -> None:
    """Everything below. ``make`` gives a way to open an empty place each time."""
    for rule in (
        is_empty_at_first,
        keeps_what_was_committed,
        has_each_message_once_and_as_it_is_now,
        knows_what_is_deleted_wherever_it_is,
        believes_a_span,
        brings_back_what_a_history_shows,
        finds_words,
        counts_days,
        counts_what_was_fetched,
        knows_files_and_people,
        takes_any_text,
        holds_one_account,
        has_one_writer,
    ):
        rule(make())


def is_empty_at_first(open: Open) -> None:
    with opened(open) as store:
        standing = store.standing()
        assert (standing.account_id, standing.cursor, standing.chats) == (ADA, None, {})
        assert store.count() == 0 and list(store.messages()) == [] and store.search("x") == []


def keeps_what_was_committed(open: Open) -> None:
    with opened(open) as store:
        first = batch(Put([message(1), message(2)]), chats=CHATS, cursor=Cursor(5, 1, 99))
        store.commit(first)
    with opened(open) as store:
        standing = store.standing()
        assert standing.cursor == Cursor(5, 1, 99)
        assert standing.chats == CHATS
        assert list(store.messages()) == [message(1), message(2)]
        moved = CHATS[BOB]._replace(progress=Progress(TOP, 3, True), title="Bobby")
        store.commit(batch(chats={BOB: moved}))
        store.commit(batch(cursor=Cursor(6, 1, 100)))
    with opened(open, writing=False) as store:
        assert store.standing().chats[BOB] == moved
        assert store.standing().cursor == Cursor(6, 1, 100)


def has_each_message_once_and_as_it_is_now(open: Open) -> None:
    full = message(
        4, "four", out=True, edited_at=9, reply_to=1, grouped_id=1 << 60, forwarded_from=NEWS, forwarded_at=3,
        action="pin_message", media="photo", file_id=-(1 << 62), entities='[{"type": "bold"}]',
    )  # fmt: skip
    with opened(open) as store:
        store.commit(batch(Put([message(1), message(1, "again"), message(4)]), Put([message(1, "now")]), chats=CHATS))
        store.commit(batch(Put([full, message(1, "now")], shown=True)))
        store.commit(batch(Put([message(1, "of the group", chat=GROUP), message(1, "of the channel", chat=NEWS)])))
    with opened(open, writing=False) as store:
        here = [
            message(1, "of the channel", chat=NEWS),
            message(1, "of the group", chat=GROUP),
            message(1, "now"),
            full,
        ]
        assert list(store.messages()) == here
        assert store.count() == 4 and store.count(BOB) == 2
        assert list(store.messages([GROUP, NEWS])) == here[:2]


def knows_what_is_deleted_wherever_it_is(open: Open) -> None:
    """Numbers of messages count within a channel, and within the account for all other chats."""
    with opened(open) as store:
        rows = [message(1), message(2, chat=GROUP), message(2, chat=NEWS), message(3, chat=NEWS)]
        store.commit(batch(Put([*rows, message(3, chat=OTHER_NEWS)]), chats=CHATS))
        store.commit(batch(Gone(None, [2, 3, 999]), at=1_800_000_000))
        assert [(each.chat_id, each.id) for each in store.messages([BOB, GROUP])] == [(BOB, 1)]
        assert store.count(NEWS) == 2
        store.commit(batch(Put([message(7)]), Gone(NEWS, [3]), Gone(None, [7])))
    with opened(open) as store:
        assert sorted((each.chat_id, each.id) for each in store.messages()) == [(OTHER_NEWS, 3), (NEWS, 2), (BOB, 1)]
        (gone,) = store.messages([GROUP], deleted=True)
        assert gone == message(2, chat=GROUP, deleted_at=1_800_000_000)
        store.commit(batch(Put([message(2, "told late", chat=GROUP)])))
        assert store.count(GROUP) == 0, "what is deleted stays so"
        assert store.search("message 2", [GROUP]) == []


def believes_a_span(open: Open) -> None:
    with opened(open) as store:
        store.commit(batch(Put([message(each) for each in range(1, 11)]), Put([message(5, chat=GROUP)]), chats=CHATS))
        store.commit(batch(Span(BOB, 3, 8, frozenset({3, 7}), frozenset({8}))))
        assert [each.id for each in store.messages([BOB])] == [1, 2, 3, 7, 8, 9, 10]
        store.commit(batch(Span(BOB, 8, TOP - 1, frozenset({9}))))
        assert [each.id for each in store.messages([BOB])] == [1, 2, 3, 7, 9]
        assert store.count(GROUP) == 1


def brings_back_what_a_history_shows(open: Open) -> None:
    with opened(open) as store:
        store.commit(batch(Put([message(1), message(2)]), Gone(None, [1, 2]), chats=CHATS))
        assert store.count() == 0 or [each.id for each in store.messages()] == [1, 2]  # no chat was known before
        store.commit(batch(Gone(None, [1, 2])))
        assert store.count() == 0
        store.commit(batch(Put([message(2)], shown=True)))
        assert list(store.messages()) == [message(2)]


def finds_words(open: Open) -> None:
    with opened(open) as store:
        rows = [
            message(1, "A red balloon"),
            message(2, "The RED car"),
            message(3, 'say "red" balloon', chat=GROUP),
            message(4, "nothing"),
        ]
        store.commit(batch(Put(rows), chats=CHATS, people={BOB: Person(BOB, "Bob B.", "bob")}))
        assert [each.message.id for each in store.search("red")] == [3, 2, 1]
        assert [each.message.id for each in store.search("balloon red")] == [3, 1]
        assert [each.message.id for each in store.search("red", [BOB])] == [2, 1]
        assert [each.message.id for each in store.search("red", limit=1)] == [3]
        assert store.search("") == store.search("blue") == store.search("red blue") == []
        store.search("\"'%* AND (")  # whatever is typed is words
        found = store.search("car")[0]
        assert (found.chat, found.sender) == ("Bob", "Bob B.")
        store.commit(batch(Put([message(2, "The blue car")]), Gone(None, [1])))
        assert [each.message.id for each in store.search("red")] == [3]
        assert [each.message.id for each in store.search("blue")] == [2]


def counts_days(open: Open) -> None:
    with opened(open) as store:
        rows = [message(1, date=DAY * 3), message(2, date=DAY * 4 - 1), message(3, date=DAY * 9, chat=GROUP)]
        store.commit(batch(Put([*rows, message(4, date=DAY * 9)]), chats=CHATS))
        store.commit(batch(Gone(None, [4])))
        assert store.per_day() == [(3, 2), (9, 1)]
        assert store.per_day([GROUP]) == [(9, 1)]


def counts_what_was_fetched(open: Open) -> None:
    with opened(open) as store:
        for day, count in ((5, 10), (5, 7), (6, 1)):
            store.commit(batch(at=day * DAY + 3, fetched=count))
    with opened(open) as store:
        assert [store.standing(day).fetched for day in (4, 5, 6)] == [0, 17, 1]


def knows_files_and_people(open: Open) -> None:
    file = File(1 << 62, BOB, 3, "document", "a.pdf", "application/pdf", 10)
    photo = File(5, BOB, 1, "photo", None, "image/jpeg", None)
    with opened(open) as store:
        store.commit(batch(files={file.id: file, photo.id: photo}, people={BOB: Person(BOB, "Bob")}))
        store.commit(batch(files={file.id: file._replace(path="42/1.pdf")}, people={BOB: Person(BOB, "Robert", "b")}))
        store.commit(batch(files={file.id: file._replace(message_id=9)}))
    with opened(open) as store:
        assert list(store.files()) == [photo, file._replace(path="42/1.pdf")]
        assert list(store.files(missing=True)) == [photo]
        assert store.people() == {BOB: Person(BOB, "Robert", "b")}


def takes_any_text(open: Open) -> None:
    texts = ["line\nbreaks\r\n\u2028", "\u202e right to left", "👍🏽" * 50, '"quotes" \\ and \t tabs', "x" * 4096]
    with opened(open) as store:
        store.commit(batch(Put([message(number, text) for number, text in enumerate(texts, 1)]), chats=CHATS))
    with opened(open) as store:
        assert [each.text for each in store.messages()] == texts


def holds_one_account(open: Open) -> None:
    with opened(open):
        pass
    store = open()
    store.claim()
    try:
        store.keep_for(ADA + 1, "other")
    except ConfigError:
        pass
    else:
        raise AssertionError("two accounts in one archive")
    finally:
        store.close()


def has_one_writer(open: Open) -> None:
    with opened(open) as store:
        store.commit(batch(Put([message(1)]), chats=CHATS))
        other = open()
        try:
            other.claim()
        except SessionBusy:
            pass
        else:
            raise AssertionError("two write into one archive")
        finally:
            other.close()
        with opened(open, writing=False) as reader:
            assert reader.count() == 1
    with opened(open) as store:
        assert store.count() == 1, "the claim ends with its holder"
