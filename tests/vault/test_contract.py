"""Our vault and our key sources keep the contracts that ship with telekeep."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from telekeep.testing.contracts.vault import KeySourceContract, VaultContract
from telekeep.vault.keys import passphrase
from telekeep.vault.keys.file import KeyFile
from telekeep.vault.keys.keyring import Keyring
from telekeep.vault.keys.passphrase import Passphrase


class TestVault(VaultContract):
    """The ``vault`` fixture is that of this room."""


class TestKeyFile(KeySourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> KeyFile:
        return KeyFile(tmp_path / "one" / "key")

    @pytest.fixture
    def elsewhere(self, tmp_path: Path) -> KeyFile:
        return KeyFile(tmp_path / "other" / "key")


class TestPassphrase(KeySourceContract):
    @pytest.fixture(autouse=True)
    def cheap(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(passphrase, "MEMORY_KIB", 64)
        monkeypatch.setattr(passphrase, "PASSES", 1)

    @pytest.fixture
    def source(self) -> Passphrase:
        return Passphrase(lambda: "correct horse battery staple")

    @pytest.fixture
    def elsewhere(self) -> Passphrase:
        return Passphrase(lambda: "correct horse battery staple")


class Memory:
    """A keyring back end like those of a desktop, in memory."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, name: str, value: str) -> None:
        self.entries[service, name] = value

    def get_password(self, service: str, name: str) -> str | None:
        return self.entries.get((service, name))

    def delete_password(self, service: str, name: str) -> None:
        del self.entries[service, name]


class TestKeyring(KeySourceContract):
    shared: ClassVar[Memory]

    @pytest.fixture(autouse=True)
    def desktop(self) -> None:
        type(self).shared = Memory()

    @pytest.fixture
    def source(self) -> Keyring:
        return Keyring(self.shared)

    @pytest.fixture
    def elsewhere(self) -> Keyring:
        return Keyring(self.shared)
