"""Which generations may go: a decision over headers, tried on thousands of histories."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from telekeep.vault.history import Retention, surplus
from telekeep.vault.record import Generation

DAY = 86_400.0
NOW = 1_700_000_000.0


def generation(number: int, *, days_ago: float, state: str = "kept") -> Generation:
    return Generation("a", number, "lease", "production", 2, 1, 0.0, NOW - days_ago * DAY, state, 1)


def test_the_last_twenty_and_the_last_thirty_days_stay() -> None:
    """002-F11: backups never expired; these do, by count and age."""
    old = [generation(number, days_ago=200 - number) for number in range(1, 101)]
    assert surplus(old, Retention(), now=NOW) == tuple(range(80, 0, -1))
    busy = [generation(number, days_ago=29) for number in range(1, 101)]
    assert surplus(busy, Retention(), now=NOW) == ()


def test_a_removed_session_can_be_brought_back_however_long_ago_it_was_kept() -> None:
    history = [generation(1, days_ago=900)] + [generation(n, days_ago=800, state="removed") for n in range(2, 40)]
    assert 1 not in surplus(history, Retention(), now=NOW)


def test_a_damaged_generation_is_never_deleted() -> None:
    history = [generation(1, days_ago=900, state="damaged")] + [generation(n, days_ago=800) for n in range(2, 40)]
    assert 1 not in surplus(history, Retention(), now=NOW)


HISTORIES = st.lists(
    st.tuples(st.floats(-1000, 1000), st.sampled_from(["kept", "removed", "damaged"])), min_size=1, max_size=60
).map(lambda rows: [generation(number, days_ago=days, state=state) for number, (days, state) in enumerate(rows, 1)])


@given(HISTORIES, st.integers(0, 30), st.floats(0, 400))
def test_what_stays_is_what_was_promised(history: list[Generation], last: int, days: float) -> None:
    gone = set(surplus(history, Retention(last, days), now=NOW))
    newest = sorted((each.generation for each in history), reverse=True)
    assert not gone & set(newest[: max(last, 1)]), "one of the last, or the one in force"
    for each in history:
        if each.generation in gone:
            assert NOW - each.saved_at > days * DAY
    kept = [each.generation for each in history if each.state == "kept"]
    assert not kept or max(kept) not in gone
    assert len(set(newest) - gone) >= min(len(history), max(last, 1))
