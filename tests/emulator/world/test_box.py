from __future__ import annotations

import pytest

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world.box import SLICE, Box, NewMessage
from telekeep.emulator.world.peer import user

BOB = user(2)


def box_of(messages: int, *, kept: int = 1_000) -> Box:
    box = Box(kept=kept)
    for number in range(messages):
        box.add(BOB, 2, 1_000 + number, f"{number}", out=False)
    return box


def texts(events: object) -> list[str]:
    return [event.message.text for event in events if isinstance(event, NewMessage)]  # type: ignore[attr-defined]  # an iterable


def test_pts_moves_by_one_with_each_message() -> None:
    box = Box()
    assert box.pts == 1
    assert [box.add(BOB, 2, 0, "x", out=False).pts for _ in range(3)] == [2, 3, 4]


def test_who_is_up_to_date_misses_nothing() -> None:
    box = box_of(3)
    assert box.difference(box.pts).kind == "empty"


def test_who_was_away_gets_exactly_what_was_missed_in_order() -> None:
    missed = box_of(5).difference(3)
    assert (missed.kind, missed.pts, texts(missed.events)) == ("all", 6, ["2", "3", "4"])


def test_a_long_absence_comes_in_slices_without_a_gap_or_a_repeat() -> None:
    box = box_of(2 * SLICE + 30)
    pts, seen, kinds = 1, [], []
    while (missed := box.difference(pts)).kind != "empty":
        seen += texts(missed.events)
        kinds.append(missed.kind)
        pts = missed.pts
    assert seen == [str(number) for number in range(2 * SLICE + 30)]
    assert kinds == ["slice", "slice", "all"]


def test_a_client_may_ask_for_smaller_slices_but_not_for_larger() -> None:
    box = box_of(2 * SLICE)
    assert len(box.difference(1, limit=10).events) == 10
    assert len(box.difference(1, limit=10 * SLICE).events) == SLICE


def test_more_than_the_client_wants_in_all_is_too_long() -> None:
    box = box_of(20)
    assert box.difference(1, total_limit=19).kind == "too long"
    assert box.difference(1, total_limit=20).kind == "all"


def test_what_the_log_forgot_is_too_long_and_what_it_kept_is_not() -> None:
    box = box_of(41, kept=20)  # at 41 the log is cut to its last 20
    assert box.difference(1).kind == "too long"
    assert box.difference(box.pts - 21).kind == "too long"
    assert texts(box.difference(box.pts - 20).events)[0] == "21"


def test_no_pts_and_a_pts_never_reached_are_refused() -> None:
    box = box_of(3)
    with pytest.raises(RpcError, match="PERSISTENT_TIMESTAMP_EMPTY"):
        box.difference(0)
    with pytest.raises(RpcError, match="PERSISTENT_TIMESTAMP_INVALID"):
        box.difference(box.pts + 1)


def test_reading_is_an_event_too_but_only_if_something_was_unread() -> None:
    box = box_of(3)
    before = box.pts
    change = box.read_inbox(BOB, 2)
    assert change is not None
    event, read = change
    assert (event.pts, event.max_id, event.unread) == (before + 1, 2, 1)
    assert [message.id for message in read] == [1, 2]
    assert box.read_inbox(BOB, 2) is None
    assert box.difference(before).events == [event]


def test_the_other_side_reading_is_told_once() -> None:
    box = Box()
    message = box.add(BOB, 1, 0, "x", out=True).message
    assert box.read_outbox(BOB, message.id) is not None
    assert box.read_outbox(BOB, message.id) is None
    assert box.read_outbox(user(3), 1) is None


def test_a_clock_set_back_does_not_unsort_a_history() -> None:
    box = Box()
    box.add(BOB, 2, 5_000, "first", out=False)
    assert box.add(BOB, 2, 4_000, "second", out=False).message.date == 5_000


def test_dialogs_are_listed_by_their_newest_message_and_pinned_ones_first() -> None:
    box = Box()
    for peer, date in ((2, 10), (3, 20), (4, 30), (2, 40)):
        box.add(user(peer), peer, date, "x", out=False)
    assert [dialog.peer.id for dialog in box.by_recency()] == [2, 4, 3]
    box.dialogs[user(3)].pinned = True
    assert [dialog.peer.id for dialog in box.by_recency()] == [3, 2, 4]
