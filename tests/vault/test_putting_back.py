"""The high-water mark: a vault put back from an older copy is noticed, and accepted only when somebody says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telekeep.errors import ConfigError, VaultRolledBack
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.highwater import Position, is_older
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.surgery import copy, edit, flip


@pytest.fixture
def put_back(vault: Vault, place: Place) -> Vault:
    """A vault with the records a and b, where an older copy lacks b and the second generation of a."""
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.close()
    copy(place.folder, place.root / "copy")
    vault.keep("a", a_session(2), fence=1, expected=1)
    vault.keep("b", a_session(3), fence=1, expected=None)
    vault.close()
    copy(place.root / "copy", place.folder)
    return vault


def test_a_whole_file_put_back_is_noticed_by_every_verb(put_back: Vault, place: Place) -> None:
    session = a_session(1)
    for verb in (
        lambda: put_back.load("a"),
        lambda: put_back.load("b"),
        lambda: put_back.entry("a"),
        lambda: put_back.keep("a", session, fence=9, expected=1),
        lambda: put_back.keep("b", session, fence=9, expected=None),
        lambda: put_back.remove("a", fence=9),
        lambda: put_back.touch("a", fence=9, at=1.0),
        lambda: put_back.save_state("a", session.auth_key.id, session.state, fence=9),  # type: ignore[arg-type]  # is set
        lambda: put_back.save_peers("a", session.auth_key.id, (), fence=9),
    ):
        with pytest.raises(VaultRolledBack):
            verb()
    with place.open() as afresh, pytest.raises(VaultRolledBack):
        afresh.load("a")
    states = {entry.name: entry.state for entry in put_back.entries()}
    assert states == {"a": "rolled-back", "b": "missing"}


def test_an_older_generation_stays_readable_by_its_number(put_back: Vault) -> None:
    assert put_back.load("a", generation=1).auth_key == a_session(1).auth_key


def test_accepting_makes_what_is_there_the_mark(put_back: Vault, place: Place) -> None:
    put_back.accept()
    assert put_back.load("a").auth_key == a_session(1).auth_key
    assert [entry.state for entry in put_back.entries()] == ["kept"]
    put_back.keep("b", a_session(3), fence=1, expected=None)
    put_back.close()
    copy(place.root / "copy", place.folder)
    with pytest.raises(VaultRolledBack):
        put_back.load("b")


def test_a_vault_put_back_while_it_is_open_is_noticed(vault: Vault, place: Place) -> None:
    """The file is another one under the same name: writing on into the deleted one would lose every change."""
    vault.keep("a", a_session(1), fence=1, expected=None)
    with place.open() as other:
        other.flush()
    copy(place.folder, place.root / "copy")
    vault.keep("a", a_session(2), fence=1, expected=1)
    copy(place.root / "copy", place.folder)
    with pytest.raises(VaultRolledBack):
        vault.load("a")
    with pytest.raises(VaultRolledBack):
        vault.keep("a", a_session(3), fence=1, expected=2)


def test_a_copy_with_a_lower_fence_is_noticed(vault: Vault, place: Place) -> None:
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.close()
    copy(place.folder, place.root / "copy")
    vault.touch("a", fence=2, at=1.0)
    vault.close()
    copy(place.root / "copy", place.folder)
    with pytest.raises(VaultRolledBack, match="fence 2"):
        vault.load("a")


def test_another_line_of_history_with_the_same_number_is_noticed(vault: Vault, place: Place) -> None:
    """A copy that lived on elsewhere and came back: as many generations, other ones."""
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.close()
    copy(place.folder, place.root / "copy")
    vault.keep("a", a_session(2), fence=1, expected=1)
    vault.close()
    elsewhere = Vault.open(place.root / "copy", clock=place.clock, marks=place.root / "elsewhere", source=place.key)
    elsewhere.keep("a", replace(a_session(2), user=None), fence=1, expected=1)
    elsewhere.close()
    copy(place.root / "copy", place.folder)
    with pytest.raises(VaultRolledBack):
        vault.load("a")


def test_marks_that_are_missing_are_made_on_first_use(vault: Vault, place: Place) -> None:
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.close()
    copy(place.folder, place.root / "copy")
    vault.keep("a", a_session(2), fence=1, expected=1)
    vault.close()
    for mark in place.marks.iterdir():
        mark.unlink()
    assert vault.load("a").auth_key == a_session(2).auth_key
    vault.close()
    copy(place.root / "copy", place.folder)
    with pytest.raises(VaultRolledBack):
        vault.load("a")


def test_a_mark_that_is_behind_is_caught_up_by_reading(vault: Vault, place: Place) -> None:
    """As after a crash between the commit and the mark: nobody is locked out, and the gap closes."""
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.close()
    copy(place.marks, place.root / "old marks")
    vault.keep("a", a_session(2), fence=1, expected=1)
    vault.close()
    copy(place.folder, place.root / "newest")
    copy(place.root / "old marks", place.marks)
    with place.open() as afresh:
        assert afresh.load("a").auth_key == a_session(2).auth_key
    edit(place.sessions, "DELETE FROM generations WHERE generation = 2")
    edit(place.sessions, "UPDATE records SET generation = 1")
    with place.open() as afresh, pytest.raises(VaultRolledBack):
        afresh.load("a")


def test_marks_of_one_vault_do_not_concern_another(vault: Vault, place: Place) -> None:
    vault.keep("a", a_session(1), fence=5, expected=None)
    other = Vault.create(place.root / "other", place.key, clock=place.clock, marks=place.marks)
    other.keep("a", a_session(1), fence=1, expected=None)
    assert other.load("a").user == a_session(1).user
    assert vault.load("a").user == a_session(1).user
    other.close()


def test_damaged_marks_are_set_aside_and_begun_anew(vault: Vault, place: Place) -> None:
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.close()
    (marks,) = place.marks.glob("*.db")
    flip(marks, 0)
    with place.open() as afresh:
        assert afresh.load("a").auth_key == a_session(1).auth_key
        assert any("set aside" in notice for notice in afresh.notices)
        with pytest.raises(ConfigError):
            afresh.keep("a", a_session(2), fence=1, expected=None)
    assert list(place.marks.glob("*.damaged-*"))


def test_accepting_mends_damaged_marks(vault: Vault, place: Place) -> None:
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.close()
    (marks,) = place.marks.glob("*.db")
    marks.write_bytes(b"no database")
    vault.accept()
    assert vault.load("a").auth_key == a_session(1).auth_key


@pytest.mark.parametrize(
    ("here", "older"),
    [
        (None, True),
        (Position(2, "key", 9, b"tag"), True),
        (Position(3, "key", 4, b"tag"), True),
        (Position(3, "other", 9, b"tag"), True),
        (Position(3, "key", 5, b"other"), True),
        (Position(3, "key", 5, b"tag"), False),
        (Position(3, "key", 5, None), False),
        (Position(3, "key", 6, b"tag"), False),
        (Position(4, "key", 5, b"other"), False),
        (Position(4, "key", 4, b"other"), True),
        (Position(4, "other", 1, b"other"), False),
    ],
)
def test_what_counts_as_older(here: Position | None, older: bool) -> None:
    assert is_older(here, Position(3, "key", 5, b"tag")) is older
