"""The vault remembers its machine: one key used from two machines is what Telegram punishes (003-F7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from telekeep.testing.contracts.vault import a_session
from telekeep.vault.machine import identity
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.surgery import copy


def test_on_another_machine_it_says_so_and_still_lists(
    vault: Vault, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.keep("a", a_session(1), fence=1, expected=None)
    assert not vault.moved
    monkeypatch.setenv("TELEKEEP_MACHINE", "another one")
    assert vault.moved
    with place.open() as afresh:
        assert afresh.moved
        assert [entry.state for entry in afresh.entries()] == ["kept"]
        assert afresh.load("a").auth_key == a_session(1).auth_key
        afresh.accept_move()
        assert not afresh.moved
    monkeypatch.delenv("TELEKEEP_MACHINE")
    assert vault.moved, "and the machine it came from must ask too"


def test_a_moved_vault_needs_no_marks_of_the_old_machine(
    vault: Vault, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.close()
    copy(place.folder, place.root / "elsewhere")
    monkeypatch.setenv("TELEKEEP_MACHINE", "another one")
    there = Vault.open(place.root / "elsewhere", clock=place.clock, marks=place.root / "new marks", source=place.key)
    there.accept_move()
    there.keep("a", a_session(2), fence=1, expected=1)
    assert there.load("a").auth_key == a_session(2).auth_key
    there.close()


def test_the_identity_is_steady_differs_and_is_not_the_machine_id_itself(tmp_path: Path) -> None:
    one, other, unset = tmp_path / "one", tmp_path / "other", tmp_path / "unset"
    one.write_text("0123456789abcdef0123456789abcdef\n")
    other.write_text("fedcba9876543210fedcba9876543210\n")
    unset.write_text("uninitialized\n")
    assert identity({}, (one,)) == identity({}, (one,)) == identity({}, (tmp_path / "missing", unset, one))
    names = {
        identity({}, (one,)),
        identity({}, (other,)),
        identity({}, ()),
        identity({"TELEKEEP_MACHINE": "x"}, (one,)),
    }
    assert len(names) == 4
    assert "0123456789abcdef" not in identity({}, (one,))
    assert identity({"TELEKEEP_MACHINE": "x"}, (one,)) == identity({"TELEKEEP_MACHINE": "x"}, (other,))
