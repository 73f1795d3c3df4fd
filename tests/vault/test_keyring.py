"""The keyring: never one that keeps a key in plain text, and clear words where there is none."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from telekeep.errors import ConfigError, SessionSealed
from telekeep.testing.contracts.vault import VAULT_ID, a_session
from telekeep.vault.keys.keyring import Keyring
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.test_contract import Memory


def pretending(module: str, **members: Any) -> Any:
    """A keyring back end that says it comes from ``module``."""
    return type("Keyring", (Memory,), {"__module__": module, **members})()


@pytest.mark.parametrize(
    "module",
    ["keyrings.alt.file", "keyrings.alt", "keyring.backends.null", "keyring.backends.fail"],
)
def test_a_back_end_that_keeps_nothing_safe_is_refused_by_its_class(module: str) -> None:
    backend = pretending(module)
    derived = type("Harmless", (type(backend),), {"__module__": "somewhere.else"})()
    for refused in (backend, derived):
        with pytest.raises(ConfigError, match="does not keep a key safe"):
            Keyring(refused).make(VAULT_ID, fresh=False)
        assert refused.entries == {}


def test_of_several_back_ends_a_safe_one_is_taken() -> None:
    plain, safe = pretending("keyrings.alt.file"), Memory()
    chain = pretending("keyring.backends.chainer", backends=[plain, safe])
    Keyring(chain).make(VAULT_ID, fresh=False)
    assert plain.entries == {}
    assert len(safe.entries) == 1


def test_the_real_refusals_of_the_package_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring
    from keyring.backends import fail, null

    for backend in (fail.Keyring(), null.Keyring()):
        monkeypatch.setattr(keyring, "get_keyring", lambda backend=backend: backend)
        with pytest.raises(ConfigError):
            Keyring().make(VAULT_ID, fresh=False)


def test_an_error_of_the_back_end_is_a_setting_to_mend_and_tells_no_secret(place: Place) -> None:
    from keyring.errors import NoKeyringError

    def refuse(self: object, service: str, name: str, value: str) -> None:
        raise NoKeyringError(f"cannot store {value}")

    broken = pretending("somewhere", set_password=refuse)
    with pytest.raises(ConfigError, match="NoKeyringError") as refused:
        place.create(Keyring(broken))
    assert "cannot store" not in str(refused.value)
    assert not Vault.exists(place.folder)


def test_a_back_end_that_forgets_makes_no_vault(place: Place) -> None:
    with pytest.raises(ConfigError, match="did not keep"):
        place.create(Keyring(pretending("somewhere", get_password=lambda self, service, name: None)))
    assert not Vault.exists(place.folder)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError) as missing:
        Keyring().make(VAULT_ID, fresh=False)
    assert "telekeep[keyring]" in (missing.value.remedy or "")


def test_a_rotation_leaves_one_entry_and_a_lost_one_seals_the_vault(place: Place) -> None:
    desktop = Memory()
    source = Keyring(desktop)
    vault = place.create(source)
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.rotate(source)
    assert len(desktop.entries) == 1
    assert vault.load("a").auth_key == a_session(1).auth_key
    vault.close()
    desktop.entries.clear()
    with place.open(source) as sealed, pytest.raises(SessionSealed, match="no key for this vault"):
        sealed.load("a")
