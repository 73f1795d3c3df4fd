"""An environment of a test's own, for what finds its home by the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from telekeep.keeper.keeper import Keeper
from telekeep.session.model import Session


@pytest.fixture
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, folder in (("TELEKEEP_LEASES", "leases"), ("TELEKEEP_STATE", "state"), ("TELEKEEP_HOME", "home")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("TELEKEEP_KEY_FILE", str(tmp_path / "config" / "key"))
    (tmp_path / "leases").mkdir(mode=0o700)
    return tmp_path


def keep(keeper: Keeper, session: Session, name: str = "main") -> None:
    lease = keeper.leases.try_acquire(session.auth_key.id)
    keeper.vault_for_writing().keep(name, session, fence=lease.fence, expected=None)
    lease.release()
