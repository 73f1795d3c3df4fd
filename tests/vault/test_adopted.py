"""What the vault keeps of adopted files: sealed, whole or not at all, and which keys are away, told without a key."""

from __future__ import annotations

import pytest

from telekeep.errors import SessionSealed
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.adopted import StoredAdoption
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.surgery import edit


@pytest.fixture
def vault(place: Place) -> Vault:
    vault = place.create()
    vault.keep("a", a_session(1), fence=1, expected=None)
    return vault


def test_an_adoption_is_kept_changed_and_forgotten(vault: Vault) -> None:
    vault.keep_adoption("one", b"facts", original=b"original", away=["lease"])
    assert vault.adoptions() == [StoredAdoption("one", b"facts")]
    assert (vault.original("one"), vault.away()) == (b"original", {"lease"})
    vault.keep_adoption("one", b"more")
    assert (vault.adoptions(), vault.original("one"), vault.away()) == (
        [StoredAdoption("one", b"more")], b"original", {"lease"},
    )  # fmt: skip
    vault.keep_adoption("two", b"again", original=b"other", away=["lease", "second"], instead_of=["one"])
    assert [each.id for each in vault.adoptions()] == ["two"]
    assert (vault.original("one"), vault.away()) == (None, {"lease", "second"})
    vault.keep_adoption("two", b"again", away=())
    assert vault.away() == frozenset()
    vault.keep_adoption("two", b"again", away=["lease"])
    vault.drop_adoption("two")
    assert (vault.adoptions(), vault.original("two"), vault.away()) == ([], None, frozenset())


def test_nothing_of_it_lies_in_the_clear(vault: Vault, place: Place) -> None:
    vault.keep_adoption("one", b"the path of the file", original=b"the content of the file", away=["lease"])
    vault.close()
    content = place.sessions.read_bytes()
    assert b"the path" not in content and b"the content" not in content


def test_which_keys_are_away_is_told_without_a_key(vault: Vault, place: Place) -> None:
    vault.keep_adoption("one", b"facts", original=b"original", away=["lease"])
    vault.close()
    place.key.path.unlink()
    with place.open() as sealed:
        assert sealed.away() == {"lease"}
        with pytest.raises(SessionSealed):
            sealed.adoptions()


def test_it_is_wrapped_anew_with_the_vault(vault: Vault, place: Place) -> None:
    vault.keep_adoption("one", b"facts", original=b"original", away=["lease"])
    vault.rotate(place.key)
    assert vault.notices == []
    assert (vault.adoptions()[0].payload, vault.original("one"), vault.away()) == (b"facts", b"original", {"lease"})


def test_one_that_is_damaged_is_left_out_and_named_once(vault: Vault, place: Place) -> None:
    vault.keep_adoption("one", b"facts")
    vault.keep_adoption("two", b"facts")
    vault.close()
    edit(place.sessions, "UPDATE belongings SET sealed = x'00' WHERE kind = 'adoption' AND id = 'one'")
    with place.open() as opened:
        for _ in range(2):
            assert [each.id for each in opened.adoptions()] == ["two"]
        assert len(opened.notices) == 1 and "'one'" in opened.notices[0]
        assert opened.loans() == []
