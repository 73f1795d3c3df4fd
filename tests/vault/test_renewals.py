"""The plan of a renewal: sealed, one for a name, on disk before anything is asked with the new key; login tokens."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from telekeep.errors import SessionSealed
from telekeep.secret import Secret
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.payload import read_session, write_session
from telekeep.vault.renewals import StoredRenewal
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.surgery import edit


@pytest.fixture
def vault(place: Place) -> Vault:
    return place.create()


def test_there_is_one_for_a_name_until_it_is_over(vault: Vault) -> None:
    vault.keep_renewal("a", b"begun")
    vault.keep_renewal("b", b"another")
    vault.keep_renewal("a", b"further")
    assert vault.renewals() == [StoredRenewal("a", b"further"), StoredRenewal("b", b"another")]
    assert "further" not in repr(vault.renewals())
    vault.keep_renewal("a", None)
    assert [each.name for each in vault.renewals()] == ["b"]


def test_nothing_of_it_lies_in_the_clear_and_without_the_key_nobody_reads_it(vault: Vault, place: Place) -> None:
    vault.keep_renewal("a", b"both of the keys")
    vault.close()
    assert b"both of the keys" not in place.sessions.read_bytes()
    place.key.path.unlink()
    with place.open() as sealed, pytest.raises(SessionSealed):
        sealed.renewals()


def test_it_is_wrapped_anew_with_the_vault(vault: Vault, place: Place) -> None:
    vault.keep_renewal("a", b"begun")
    vault.rotate(place.key)
    assert vault.renewals() == [StoredRenewal("a", b"begun")] and vault.notices == []


def test_one_that_is_damaged_is_named_and_hides_no_other(vault: Vault, place: Place) -> None:
    vault.keep_renewal("a", b"begun")
    vault.keep_renewal("b", b"begun")
    vault.close()
    edit(place.sessions, "UPDATE belongings SET sealed = X'00' WHERE kind = 'renewal' AND name = 'a'")
    with place.open() as again:
        assert [each.name for each in again.renewals()] == ["b"]
        assert "renewal" in again.notices[0] and "'a'" in again.notices[0]


def test_login_tokens_are_sealed_with_the_session_and_older_records_have_none(vault: Vault, place: Place) -> None:
    session = replace(a_session(1), login_tokens=(Secret(b"a token for later"), Secret(b"an older one")))
    vault.keep("a", session, fence=1, expected=None)
    assert vault.load("a").login_tokens == session.login_tokens
    vault.close()
    assert b"a token for later" not in place.sessions.read_bytes()
    bare = json.loads(write_session(session))
    del bare["tokens"]
    assert read_session(json.dumps(bare).encode()).login_tokens == ()
    assert b"tokens" not in write_session(a_session(1))  # what has none is written as it was before
