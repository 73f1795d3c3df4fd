"""A vault in a folder of its own, with its key file and its marks elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from telekeep.testing.fakes import ManualClock
from telekeep.vault.keys.file import KeyFile
from telekeep.vault.keys.source import KeySource
from telekeep.vault.vault import Vault


@dataclass
class Place:
    """Where one vault, its key and its marks lie."""

    root: Path
    clock: ManualClock = field(default_factory=ManualClock)

    @property
    def folder(self) -> Path:
        return self.root / "home" / "vault"

    @property
    def sessions(self) -> Path:
        return self.folder / "sessions.db"

    @property
    def lagging(self) -> Path:
        return self.folder / "lagging.db"

    @property
    def marks(self) -> Path:
        return self.root / "state"

    @property
    def key(self) -> KeyFile:
        return KeyFile(self.root / "config" / "key")

    def create(self, source: KeySource | None = None) -> Vault:
        return Vault.create(self.folder, source or self.key, clock=self.clock, marks=self.marks)

    def open(self, source: KeySource | None = None) -> Vault:
        return Vault.open(self.folder, clock=self.clock, marks=self.marks, source=source)


@pytest.fixture(autouse=True)
def nobody_elses_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TELEKEEP_KEY_FILE", "TELEKEEP_PASSPHRASE_FILE", "CREDENTIALS_DIRECTORY", "TELEKEEP_MACHINE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "nobody"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def vault(place: Place) -> Iterator[Vault]:
    with place.create() as vault:
        yield vault
