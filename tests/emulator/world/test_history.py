from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from telekeep.emulator.world.message import PAGE, Dialog, Message
from telekeep.emulator.world.peer import user

BOB = user(2)


def dialog_of(ids: list[int], *, incoming: bool = True) -> Dialog:
    """A dialog with these message ids; message n was sent at second 10n."""
    dialog = Dialog(BOB)
    for number in ids:
        dialog.append(Message(number, BOB, 2, number * 10, f"{number}", out=not incoming))
    return dialog


def ids(messages: list[Message]) -> list[int]:
    return [message.id for message in messages]


def naive(numbers: list[int], offset_id: int, add_offset: int, limit: int, max_id: int, min_id: int) -> list[int]:
    """core.telegram.org/api/offsets in words: the list newest first, a place in it, a shift, a length, two sieves."""
    newest_first = sorted(numbers, reverse=True)
    place = sum(1 for number in newest_first if offset_id and number >= offset_id) + add_offset
    wanted = range(place, place + min(limit, PAGE))
    chosen = [number for place, number in enumerate(newest_first) if place in wanted]
    return [number for number in chosen if number > min_id and (not max_id or number < max_id)]


@given(
    numbers=st.sets(st.integers(1, 400), max_size=200).map(sorted),
    offset_id=st.integers(0, 420),
    add_offset=st.integers(-250, 250),
    limit=st.integers(0, 150),
    max_id=st.integers(0, 420),
    min_id=st.integers(0, 420),
)
def test_every_combination_of_offsets_chooses_what_the_documentation_says(
    numbers: list[int], offset_id: int, add_offset: int, limit: int, max_id: int, min_id: int
) -> None:
    window = dialog_of(numbers).window(
        offset_id=offset_id, add_offset=add_offset, limit=limit, max_id=max_id, min_id=min_id
    )
    assert ids(window) == naive(numbers, offset_id, add_offset, limit, max_id, min_id)


def test_a_page_is_never_longer_than_a_hundred() -> None:
    assert len(dialog_of(list(range(1, 301))).window(limit=1_000)) == PAGE


def test_an_offset_date_begins_before_that_second() -> None:
    dialog = dialog_of([1, 2, 3, 4])
    assert ids(dialog.window(offset_date=30)) == [2, 1]
    assert ids(dialog.window(offset_date=31)) == [3, 2, 1]


def test_an_offset_id_outweighs_a_date() -> None:
    assert ids(dialog_of([1, 2, 3, 4]).window(offset_id=4, offset_date=20)) == [3, 2, 1]


def test_a_negative_limit_is_no_way_to_the_whole_history() -> None:
    assert dialog_of([1, 2, 3]).window(limit=-1) == []


def test_incoming_messages_are_unread_until_they_are_read() -> None:
    dialog = dialog_of([1, 2, 3])
    assert dialog.unread == 3
    assert ids(dialog.read_up_to(2)) == [1, 2]
    assert (dialog.unread, dialog.read_inbox) == (1, 2)
    assert dialog.read_up_to(2) == []
    assert ids(dialog.read_up_to(0)) == [3]
    assert dialog.unread == 0


def test_ones_own_messages_are_never_unread() -> None:
    dialog = dialog_of([1, 2], incoming=False)
    assert dialog.unread == 0
    assert dialog.read_up_to(0) == []
