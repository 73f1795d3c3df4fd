"""A world with nothing of the user's own in it, a Telegram, and a daemon that lends Ada's session."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from borrow.served import Served
from telekeep.emulator import Emulator
from telekeep.mtproto import keys
from telekeep.session import network as networks
from telekeep.work import owning

PHONE = "9996621234"
_KEY = keys.make()


@pytest.fixture
def home(tmp_path: Path, telegram: Emulator, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A home without a vault and without a daemon."""
    for name in [name for name in os.environ if name.startswith(("TELEGRAM_", "TELEKEEP_", "NOTIFY_", "WATCHDOG_"))]:
        monkeypatch.delenv(name)
    for name, value in {
        "TELEKEEP_HOME": str(tmp_path / "home"),
        "TELEKEEP_KEY_FILE": str(tmp_path / "keys" / "key"),
        "TELEKEEP_STATE": str(tmp_path / "state"),
        "TELEKEEP_LEASES": str(tmp_path / "leases"),
        "TELEKEEP_NETWORK": str(tmp_path / "network.toml"),
        "TELEGRAM_API_ID": "1",
        "TELEGRAM_API_HASH": "0" * 32,
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "leases").mkdir(mode=0o700)
    (tmp_path / "network.toml").write_text(networks.dump(telegram.network))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(owning.keys, "make", lambda: _KEY)  # it takes a tenth of a second
    ada = telegram.add_account(PHONE, first_name="Ada", username="ada", messages=3)
    return Served(tmp_path, telegram, ada)


@pytest.fixture
async def served(home: Served) -> AsyncIterator[Served]:
    """Ada's session is kept, and the daemon serves. Telegram sees one connection, whatever the test does."""
    home.keep(home.telegram.mint(home.ada))
    await home.start()
    yield home
    await home.stop()
    stats = home.telegram.stats
    assert (stats.overlap, stats.duplicated, stats.logins, stats.codes_sent) == (0, 0, 0, 0)
