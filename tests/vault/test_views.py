"""Reading much at once: one moment of the vault, whatever others write meanwhile."""

from __future__ import annotations

from telekeep.testing.contracts.vault import a_session
from vault.conftest import Place


def test_what_is_read_in_one_view_is_of_one_moment(place: Place) -> None:
    with place.create() as vault, place.open() as other:
        vault.keep("a", a_session(1), fence=5, expected=None)
        vault.touch("a", fence=5, at=1.5)
        with vault.view():
            assert vault.entry("a").last_used_at == 1.5
            other.touch("a", fence=5, at=2.5)
            assert vault.entry("a").last_used_at == 1.5
        assert vault.entry("a").last_used_at == 2.5


def test_what_is_written_in_a_view_is_seen_in_it_and_by_others(place: Place) -> None:
    with place.create() as vault, place.open() as other:
        vault.keep("a", a_session(1), fence=5, expected=None)
        with vault.view():
            assert vault.loans("a") == []
            vault.keep_loan("a", "1", b"one")
            assert [loan.payload for loan in vault.loans("a")] == [b"one"]
            vault.save_state("a", a_session(1).auth_key.id, a_session(7).state, fence=6)
            assert vault.load("a").state == a_session(7).state
        assert [loan.payload for loan in other.loans("a")] == [b"one"]
        assert (other.load("a").state, other.entry("a").fence) == (a_session(7).state, 6)


def test_a_view_that_fails_leaves_nothing_locked(place: Place) -> None:
    with place.create() as vault, place.open() as other:
        vault.keep("a", a_session(1), fence=5, expected=None)
        try:
            with vault.view():
                vault.load("a")
                raise KeyError("a")
        except KeyError:
            pass
        other.keep_loan("a", "1", b"one")
        with vault.view(), vault.view():
            assert len(vault.loans("a")) == 1
        other.keep_loan("a", "2", b"two")
