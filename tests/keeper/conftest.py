"""A keeper of its own for a test: home, key, marks and leases in one folder, and Ada's session kept as ``main``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from telekeep.emulator import Emulator
from telekeep.keeper.keeper import Keeper
from telekeep.secret import Secret
from telekeep.session.model import Application, Session

PHONE = "9996621234"


@pytest.fixture
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment and a working directory that hold nothing of the user's."""
    for name, folder in (("TELEKEEP_LEASES", "leases"), ("TELEKEEP_STATE", "state"), ("TELEKEEP_HOME", "home")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("TELEKEEP_KEY_FILE", str(tmp_path / "config" / "key"))
    for name in ("TELEGRAM_API_ID", "TELEGRAM_API_HASH", "TELEKEEP_NETWORK", "TELEKEEP_TEST_CLOCK", "TELEKEEP_MACHINE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "leases").mkdir(mode=0o700)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def keeper(own_world: Path, telegram: Emulator) -> Iterator[Keeper]:
    with Keeper.open(network=telegram.network) as keeper:
        yield keeper


@pytest.fixture
def main(keeper: Keeper, telegram: Emulator) -> Session:
    """Ada's session, made with an application of its own and kept as ``main``."""
    minted = telegram.mint(telegram.add_account(PHONE, first_name="Ada", username="ada"))
    session = replace(minted, application=Application(12345, Secret(b"0123456789abcdef" * 2)))
    keep(keeper, session)
    return session


def keep(keeper: Keeper, session: Session, name: str = "main") -> None:
    lease = keeper.leases.try_acquire(session.auth_key.id)
    keeper.vault_for_writing().keep(name, session, fence=lease.fence, expected=None)
    lease.release()
