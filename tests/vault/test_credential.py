"""A systemd credential opens the vault of a service, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from telekeep.errors import ConfigError, SessionSealed
from telekeep.secret import Secret
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.keys.credential import Credential
from telekeep.vault.keys.file import write_keys
from telekeep.vault.vault import Vault
from vault.conftest import Place


@pytest.fixture
def credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file as systemd hands it over: read-only, in a folder that the environment names."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    file = folder / "telekeep"
    file.write_bytes(bytes(range(32)))
    file.chmod(0o400)
    return file


def rewrite(credential: Path, data: bytes) -> None:
    credential.unlink()
    credential.write_bytes(data)


@pytest.mark.parametrize("data", [bytes(range(32)), b"x" * 100, write_keys([Secret(bytes(range(32)))])])
def test_it_opens_the_vault_it_made(place: Place, credential: Path, data: bytes) -> None:
    rewrite(credential, data)
    place.create(Credential()).keep("a", a_session(1), fence=1, expected=None)
    with place.open() as vault:
        assert vault.load("a").auth_key == a_session(1).auth_key
        assert vault.key_source == "credential"


def test_without_it_the_vault_is_sealed(place: Place, credential: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.create(Credential()).keep("a", a_session(1), fence=1, expected=None)
    rewrite(credential, b"y" * 32)
    with place.open() as vault:
        with pytest.raises(SessionSealed, match="another key"):
            vault.load("a")
        credential.unlink()
        with pytest.raises(SessionSealed, match="no systemd credential"):
            vault.load("a")
        monkeypatch.delenv("CREDENTIALS_DIRECTORY")
        with pytest.raises(SessionSealed, match="none was handed"):
            vault.load("a")


def test_one_too_short_to_be_a_key_makes_no_vault(place: Place, credential: Path) -> None:
    rewrite(credential, b"password\n")
    with pytest.raises(ConfigError, match="too short") as refused:
        place.create(Credential())
    assert "password" not in str(refused.value)
    assert not Vault.exists(place.folder)


def test_a_rotation_needs_a_new_key_in_it(place: Place, credential: Path) -> None:
    old, new = Secret(b"o" * 32), Secret(b"n" * 32)
    rewrite(credential, write_keys([old]))
    vault = place.create(Credential())
    vault.keep("a", a_session(1), fence=1, expected=None)
    with pytest.raises(ConfigError, match="in force already"):
        vault.rotate(Credential())
    rewrite(credential, write_keys([new, old]))
    assert vault.load("a").auth_key == a_session(1).auth_key
    vault.rotate(Credential())
    vault.close()
    rewrite(credential, write_keys([new]))
    assert vault.load("a").auth_key == a_session(1).auth_key
