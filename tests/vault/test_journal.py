"""The journal and the requests in doubt: bounded, without holes, and never a reason not to open a session."""

from __future__ import annotations

import os
import signal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telekeep.session.model import UpdateState
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.stores import journal
from telekeep.vault.stores.journal import BATCH_BYTES, BATCH_ENTRIES, batches, newest_that_fit, pack, unpack
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.surgery import edit, flip, rows
from vault.test_the_disk import in_a_child

KEY = a_session(1).auth_key.id
ENTRIES = [(number, b"entry %d" % number) for number in range(1, 4 * BATCH_ENTRIES + 1)]
ALL = ENTRIES[-1][0]


@pytest.fixture
def filled(vault: Vault) -> Vault:
    """A session whose journal has four batches of 256 entries; closed."""
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.save_journal("a", KEY, ENTRIES, keep_from=1, fence=1)
    vault.close()
    return vault


def sizes(place: Place) -> list[tuple[int, int]]:
    return rows(place.lagging, "SELECT last, entries FROM journals ORDER BY last")


# ---- bounded


def test_what_nobody_needs_any_more_is_deleted_from_the_disk(filled: Vault, place: Place) -> None:
    assert sizes(place) == [(256, 256), (512, 256), (768, 256), (1024, 256)]
    filled.save_journal("a", KEY, [], keep_from=513, fence=1)
    filled.close()
    assert sizes(place) == [(768, 256), (1024, 256)]
    assert filled.journal("a", KEY) == ENTRIES[512:]


def test_a_journal_has_at_most_20000_entries_and_the_oldest_go(vault: Vault) -> None:
    vault.keep("a", a_session(1), fence=1, expected=None)
    for begin in range(1, 24_001, 3000):
        entries = [(number, b"") for number in range(begin, begin + 3000)]
        vault.save_journal("a", KEY, entries, keep_from=1, fence=1)
    kept = [number for number, _ in vault.journal("a", KEY)]
    assert kept == list(range(kept[0], 24_001))
    assert 20_000 - BATCH_ENTRIES < len(kept) <= 20_000


def test_a_journal_has_at_most_16_mib_and_the_oldest_go(vault: Vault, place: Place) -> None:
    vault.keep("a", a_session(1), fence=1, expected=None)
    for number in range(1, 25):
        vault.save_journal("a", KEY, [(number, bytes(1024 * 1024))], keep_from=1, fence=1)
    assert [number for number, _ in vault.journal("a", KEY)] == list(range(10, 25))
    ((stored,),) = rows(place.lagging, "SELECT sum(length(sealed)) FROM journals")
    assert stored <= 16 * 1024 * 1024


def test_of_more_than_fits_at_once_the_newest_are_kept(filled: Vault) -> None:
    entries = [(number, b"") for number in range(2000, 2000 + 20_500)]
    filled.save_journal("a", KEY, entries, keep_from=1, fence=1)
    assert filled.journal("a", KEY) == entries[-20_000:]
    filled.save_journal("a", KEY, [(30_000, bytes(17 * 1024 * 1024))], keep_from=1, fence=1)
    assert filled.journal("a", KEY) == [], "what does not fit leaves a hole, and nothing before a hole is of use"


def test_entries_of_one_session_do_not_push_out_those_of_another(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST_ENTRIES", 10)
    for number in (1, 2):
        session = a_session(number)
        vault.keep(f"s{number}", session, fence=1, expected=None)
        for turn in range(5):
            entries = [(3 * turn + each, b"%d" % number) for each in range(3)]
            vault.save_journal(f"s{number}", session.auth_key.id, entries, keep_from=0, fence=1)
    for number in (1, 2):
        kept = vault.journal(f"s{number}", a_session(number).auth_key.id)
        assert kept == [(each, b"%d" % number) for each in range(6, 15)]


def test_a_key_that_no_generation_has_any_more_leaves_no_journal(place: Place) -> None:
    from telekeep.vault.history import Retention

    place.create().close()
    vault = Vault(place.folder, clock=place.clock, marks=place.marks, retention=Retention(last=1, days=1))
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.save_journal("a", KEY, ENTRIES, keep_from=5, fence=1)
    place.clock.advance(3 * 86_400)
    vault.keep("a", a_session(2), fence=1, expected=1)
    vault.close()
    assert rows(place.lagging, "SELECT count(*) FROM journals") == [(0,)]
    assert rows(place.lagging, "SELECT count(*) FROM kept_from") == [(0,)]


# ---- damage


@pytest.mark.parametrize(("batch", "left"), [(256, 256), (512, 512), (768, 768), (1024, 1024)])
def test_a_damaged_batch_costs_itself_and_what_came_before(filled: Vault, place: Place, batch: int, left: int) -> None:
    """Nobody who has heard as far as before the hole may be told only what came after it."""
    edit(place.lagging, "UPDATE journals SET sealed = zeroblob(length(sealed)) WHERE last = ?", batch)
    assert filled.journal("a", KEY) == ENTRIES[left:]
    assert any("of the journal" in notice and "left out" in notice for notice in filled.notices)


def test_a_batch_that_is_gone_is_noticed(filled: Vault, place: Place) -> None:
    edit(place.lagging, "DELETE FROM journals WHERE last = 512")
    assert filled.journal("a", KEY) == ENTRIES[512:]
    assert any("of the journal" in notice for notice in filled.notices)


def test_batches_that_changed_places_are_not_believed(filled: Vault, place: Place) -> None:
    ((first,), (second,)) = rows(place.lagging, "SELECT sealed FROM journals WHERE last IN (256, 512) ORDER BY last")
    edit(place.lagging, "UPDATE journals SET sealed = ? WHERE last = 256", second)
    edit(place.lagging, "UPDATE journals SET sealed = ? WHERE last = 512", first)
    assert filled.journal("a", KEY) == ENTRIES[512:]


def test_an_old_batch_in_the_place_of_the_newest_is_not_believed(filled: Vault, place: Place) -> None:
    edit(
        place.lagging,
        "UPDATE journals SET sealed = (SELECT sealed FROM journals WHERE last = 256) WHERE last = 1024",
    )
    assert filled.journal("a", KEY) == []


def test_a_journal_of_another_key_is_not_believed(filled: Vault, place: Place) -> None:
    other = a_session(2)
    filled.keep("b", other, fence=1, expected=None)
    lease = filled.entry("b").lease
    filled.close()
    edit(place.lagging, "UPDATE journals SET lease = ?", lease)
    assert filled.journal("a", KEY) == []
    assert filled.journal("b", other.auth_key.id) == []
    assert any("4 damaged pieces" in notice for notice in filled.notices)


@pytest.mark.parametrize("value", [None, "text", b"blob", 1.5, -(1 << 63)])
@pytest.mark.parametrize("column", ["last", "entries", "bytes", "sealed"])
@pytest.mark.parametrize("batch", [256, 1024])
def test_a_field_of_another_type_is_damage_and_no_more(
    filled: Vault, place: Place, batch: int, column: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(place.lagging, f"UPDATE journals SET {column} = ? WHERE last = ?", value, batch)
    found = filled.journal("a", KEY)
    assert found == ENTRIES[-len(found) :] or found == ENTRIES[:768] or not found
    monkeypatch.setattr(journal, "MOST_ENTRIES", 300)
    filled.save_journal("a", KEY, [(5000, b"next")], keep_from=1, fence=1)
    after = filled.journal("a", KEY)
    assert after[-1] == (5000, b"next")
    assert all(entry in ENTRIES for entry in after[:-1])


@pytest.mark.parametrize("value", [None, "text", b"blob"])
def test_where_it_is_kept_from_may_be_forgotten(filled: Vault, place: Place, value: object) -> None:
    edit(place.lagging, "UPDATE kept_from SET number = ?", value)
    assert filled.journal("a", KEY) == ENTRIES
    filled.save_journal("a", KEY, [], keep_from=ALL, fence=1)
    assert filled.journal("a", KEY) == ENTRIES[-1:]


def test_a_damaged_lagging_file_costs_the_journal_and_is_said(filled: Vault, place: Place) -> None:
    flip(place.lagging, 20, 0x40)
    assert filled.journal("a", KEY) == []
    assert filled.doubts("a") == {}
    assert any("set aside" in notice for notice in filled.notices)
    filled.save_journal("a", KEY, [(7, b"anew")], keep_from=1, fence=1)
    assert filled.journal("a", KEY) == [(7, b"anew")]


def test_a_damaged_file_met_by_a_writer_keeps_state_and_journal_together(filled: Vault, place: Place) -> None:
    flip(place.lagging, 20, 0x40)
    state = UpdateState(9, 0, 0, 0)
    filled.save_progress("a", KEY, state=state, journal=[(7, b"anew")], keep_from=1, fence=1)
    assert (filled.load("a").state, filled.journal("a", KEY)) == (state, [(7, b"anew")])


def test_a_broken_lagging_key_costs_the_journal_and_is_said(filled: Vault, place: Place) -> None:
    edit(place.sessions, "UPDATE keys SET wrapped = zeroblob(60)")
    assert filled.journal("a", KEY) == []
    assert any("journal of 'a' is lost" in notice for notice in filled.notices)
    filled.save_journal("a", KEY, [(ALL + 1, b"anew")], keep_from=1, fence=1)
    assert filled.journal("a", KEY) == [(ALL + 1, b"anew")]


def test_a_missing_lagging_file_is_an_empty_journal(filled: Vault, place: Place) -> None:
    place.lagging.unlink()
    assert filled.journal("a", KEY) == []
    assert filled.doubts("a") == {}
    filled.end_doubts("a", [b"d"])
    assert not place.lagging.exists()


def test_a_state_that_was_refused_leaves_no_entry_behind(filled: Vault) -> None:
    """Both or neither: the state is never newer than the journal."""

    class Broken(UpdateState):
        @property
        def channels(self) -> dict[int, int]:  # type: ignore[override]
            raise RuntimeError("cannot be written")

    before = filled.load("a").state
    broken = Broken.__new__(Broken)
    for name in ("pts", "qts", "date", "seq"):
        object.__setattr__(broken, name, 1)
    with pytest.raises(RuntimeError):
        filled.save_progress("a", KEY, state=broken, journal=[(ALL + 1, b"next")], keep_from=1, fence=1)
    with pytest.raises(ValueError):
        entries = [(ALL + 2, b""), (ALL + 1, b"")]
        filled.save_progress("a", KEY, state=UpdateState(9, 9, 9, 9), journal=entries, keep_from=1, fence=1)
    assert filled.load("a").state == before
    assert filled.journal("a", KEY) == ENTRIES


# ---- requests in doubt


def test_what_was_in_doubt_when_the_process_was_killed_is_in_doubt_after(vault: Vault, place: Place) -> None:
    now = place.clock.wall()

    def send_and_die() -> None:
        with place.open() as mine:
            mine.begin_doubt("a", b"1" * 32, now)
            mine.begin_doubt("a", b"2" * 32, now)
            mine.end_doubts("a", [b"1" * 32])
            os.kill(os.getpid(), signal.SIGKILL)

    in_a_child(send_and_die)
    assert vault.doubts("a") == {b"2" * 32: now}


def test_the_same_request_again_is_in_doubt_since_then(vault: Vault) -> None:
    vault.begin_doubt("a", b"1" * 32, 10.0)
    vault.begin_doubt("a", b"1" * 32, 20.0)
    assert vault.doubts("a") == {b"1" * 32: 20.0}


def test_what_is_a_week_old_is_forgotten_and_nothing_younger(vault: Vault, place: Place) -> None:
    now = place.clock.wall()
    for number, age in ((b"1", 8 * 86_400), (b"2", 6 * 86_400), (b"3", 0)):
        vault.begin_doubt("a", number * 32, now - age)
    vault.begin_doubt("b", b"4" * 32, now - 8 * 86_400)
    vault.end_doubts("a", [b"3" * 32])
    assert list(vault.doubts("a")) == [b"2" * 32]
    assert list(vault.doubts("b")) == [b"4" * 32]


def test_a_damaged_row_of_doubt_is_left_out(vault: Vault, place: Place) -> None:
    for number in b"123":
        vault.begin_doubt("a", bytes([number]) * 32, 10.0)
    edit(place.lagging, "UPDATE doubts SET at = 'x' WHERE digest = ?", b"1" * 32)
    edit(place.lagging, "UPDATE doubts SET digest = 'x' WHERE digest = ?", b"2" * 32)
    assert vault.doubts("a") == {b"3" * 32: 10.0}


# ---- packing

NUMBERS = st.lists(st.integers(-(2**62), 2**62), unique=True, max_size=30).map(sorted)
LISTS = NUMBERS.flatmap(
    lambda numbers: st.tuples(*(st.tuples(st.just(number), st.binary(max_size=40)) for number in numbers)).map(list)
)


@given(st.integers(-(2**63), 2**62), LISTS)
def test_what_is_packed_is_unpacked(before: int, entries: list[tuple[int, bytes]]) -> None:
    assert unpack(pack(before, entries)) == (before, entries)


@given(st.lists(st.integers(0, BATCH_BYTES + 10), max_size=12), st.integers(0, 600))
def test_batches_are_bounded_and_lose_nothing(lengths: list[int], more: int) -> None:
    entries = [(number, bytes(length)) for number, length in enumerate([*lengths, *[1] * more])]
    found = list(batches(entries))
    assert [entry for batch in found for entry in batch] == entries
    for batch in found:
        assert 1 <= len(batch) <= BATCH_ENTRIES
        assert len(batch) == 1 or sum(len(payload) for _, payload in batch) <= BATCH_BYTES
    for batch, following in pairwise(found):
        full = len(batch) == BATCH_ENTRIES or sum(len(each) for _, each in [*batch, following[0]]) > BATCH_BYTES
        assert full, "two batches where one would do"


def test_all_entries_fit_if_they_are_few() -> None:
    assert newest_that_fit(ENTRIES) == ENTRIES
    assert newest_that_fit([]) == []
    many = [(number, b"") for number in range(20_001)]
    assert newest_that_fit(many) == many[1:]
    large = [(1, bytes(9 << 20)), (2, bytes(9 << 20))]
    assert newest_that_fit(large) == large[1:]
