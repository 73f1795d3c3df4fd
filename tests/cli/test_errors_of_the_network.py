"""An error of the network and a lost lease are OSErrors too: ours must not take them for a disk that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from telekeep.cli import running
from telekeep.cli.invocation import Invocation
from telekeep.database import border
from telekeep.errors import ConfigError, LeaseLost, TelegramNetworkError, TelekeepError


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (TelegramNetworkError("no answer"), TelegramNetworkError),
        (LeaseLost(reason="replaced"), LeaseLost),
        (PermissionError(13, "Permission denied"), ConfigError),
    ],
)
def test_run_says_why_there_is_no_loan(
    monkeypatch: pytest.MonkeyPatch, found: Exception, told: type[TelekeepError]
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise found

    monkeypatch.setattr(running, "run", fail)
    with pytest.raises(told):
        running.carry_out(Invocation(), "main", "/usr/bin/true", ("true",))


def test_a_lost_lease_is_no_disk_that_fails() -> None:
    with pytest.raises(LeaseLost), border(Path("sessions.db")):
        raise LeaseLost(reason="replaced")
