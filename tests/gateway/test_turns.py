"""Whose request goes next."""

from __future__ import annotations

from telekeep.gateway.turns import Turns


def drained(turns: Turns[str]) -> list[str]:
    found = []
    while (each := turns.next()) is not None:
        found.append(each)
    return found


def test_each_goes_in_its_turn_however_many_one_has_asked() -> None:
    turns: Turns[str] = Turns(16)
    for number in range(3):
        turns.add("greedy", f"g{number}")
    turns.add("modest", "m0")
    assert drained(turns) == ["g0", "m0", "g1", "g2"]


def test_one_that_asks_without_end_leaves_half_of_the_window_to_others() -> None:
    turns: Turns[str] = Turns(16)
    for number in range(100):
        turns.add("greedy", f"g{number}")
    assert len(drained(turns)) == 8
    for number in range(100):
        turns.add("second", f"s{number}")
    assert len(drained(turns)) == 4
    turns.add("modest", "m0")
    assert drained(turns) == ["m0"]  # there is always room for one more


def test_what_has_ended_makes_room_for_its_own_next() -> None:
    turns: Turns[str] = Turns(4)
    for number in range(5):
        turns.add("greedy", f"g{number}")
    assert drained(turns) == ["g0", "g1"]
    turns.done("greedy")
    assert drained(turns) == ["g2"] and turns.running == 2


def test_what_is_dropped_was_not_sent_and_takes_no_room() -> None:
    turns: Turns[str] = Turns(4)
    for number in range(5):
        turns.add("gone", f"g{number}")
    drained(turns)
    assert turns.drop("gone") == ["g2", "g3", "g4"] and len(turns) == 0
    turns.done("gone")
    turns.done("gone")
    assert turns.running == 0
