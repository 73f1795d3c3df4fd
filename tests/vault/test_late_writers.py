"""A holder that was paused and wakes up too late: the vault refuses it, whenever in a write it was overtaken."""

from __future__ import annotations

from typing import Any

import pytest

from telekeep.errors import StaleFence
from telekeep.session.model import UpdateState
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.stores.lagging import Lagging
from telekeep.vault.vault import Vault
from vault.conftest import Place


def test_one_overtaken_between_being_admitted_and_writing_is_refused(
    vault: Vault, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = a_session(1)
    vault.keep("a", session, fence=1, expected=None)
    newer = place.open()
    save = Lagging.save

    def pause(lagging: Lagging, *args: Any, **options: Any) -> None:
        monkeypatch.setattr(Lagging, "save", save)
        newer.touch("a", fence=2, at=5.0)
        newer.save_state("a", session.auth_key.id, UpdateState(200, 0, 0, 0), fence=2)
        save(lagging, *args, **options)

    monkeypatch.setattr(Lagging, "save", pause)
    with pytest.raises(StaleFence):
        vault.save_state("a", session.auth_key.id, UpdateState(100, 0, 0, 0), fence=1)
    state = newer.load("a").state
    assert state is not None
    assert state.pts == 200
    newer.close()


def test_an_old_holder_of_a_renewed_session_may_flush_what_is_its_own(vault: Vault) -> None:
    """A renewal puts a new key under the name; the old key's state is stored under the old key and harms nobody."""
    old, new = a_session(1), a_session(2)
    vault.keep("a", old, fence=5, expected=None)
    vault.keep("a", new, fence=1, expected=1)
    vault.save_state("a", old.auth_key.id, UpdateState(999, 0, 0, 0), fence=5)
    assert vault.load("a").state == new.state
    with pytest.raises(StaleFence):
        vault.save_state("a", old.auth_key.id, UpdateState(0, 0, 0, 0), fence=4)
