"""Days in the life of a kept session, with real processes and a clock that a file says."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from stories.borrowing.lending import until
from telekeep.cli.demo.stage import Stage

HOUR, DAY = 3_600.0, 86_400.0


class Time:
    """The clock that every process on the stage reads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wall, self.boot, self.boot_id = time.time(), 1_000.0, "boot-1"
        self.write()

    def write(self) -> None:
        draft = self.path.with_suffix(".draft")
        draft.write_text(f"{self.wall} {self.boot} {self.boot_id}")
        draft.replace(self.path)

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.boot += seconds
        self.write()


@pytest.fixture
def hours(kept: Stage, monkeypatch: pytest.MonkeyPatch) -> Time:
    path = kept.folder / "clock"
    monkeypatch.setenv("TELEKEEP_TEST_CLOCK", str(path))
    environment = Stage.environment

    def with_clock(self: Stage, home: str = "home") -> dict[str, str]:
        return environment(self, home) | {"TELEKEEP_TEST_CLOCK": str(path)}

    monkeypatch.setattr(Stage, "environment", with_clock)
    return Time(path)


def status(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stage.telekeep("status", "main", "--json").out)["sessions"][0]
    return found


def checked(stage: Stage, hours: Time, seconds: float, *, after: float = 0.0) -> dict[str, Any]:
    """Let time pass until the daemon has checked main again; what status says of it then."""
    hours.pass_(seconds)
    end = time.monotonic() + 90
    while time.monotonic() < end:
        health = status(stage)["health"]
        if health is not None and health["checked_at"] > after:
            assert isinstance(health, dict)
            return health
        hours.pass_(31)  # the daemon looks every half a minute
        time.sleep(0.1)
    raise AssertionError(stage.telekeep("daemon", "logs").out)


def test_a_daemon_keeps_an_idle_session_from_its_end_and_status_tells(kept: Stage, hours: Time) -> None:
    before = kept.stats()
    assert kept.telekeep("daemon", "start").code == 0
    assert status(kept)["health"] is None, "it was used just now"
    first = checked(kept, hours, 6 * HOUR)
    assert (first["outcome"], first["availability"], first["checks"]) == ("ok", 1.0, 1)
    assert first["next_check"] > first["checked_at"] and first["last_ok"] == first["checked_at"]
    assert kept.telekeep("emulator", "fault", "revoke").code == 0
    second = checked(kept, hours, 6 * HOUR, after=first["checked_at"])
    assert (second["outcome"], second["error"], second["availability"]) == ("needs_login", "AuthKeyRevoked", 0.5)
    assert second["next_check"] is None and second["last_ok"] == first["checked_at"]
    page = kept.telekeep("status", "main").out
    assert "checked     needs login (AuthKeyRevoked)" in page and "50 % of 2 checks in 7 days were well" in page
    asked = kept.stats()["rpc"]
    hours.pass_(60 * DAY)
    assert kept.telekeep("daemon", "status").code == 0
    after = kept.stats()
    assert after["rpc"] == asked, "a key that is dead is not asked about again"
    for counter in ("codes_sent", "logins", "duplicated", "overlap"):
        assert after[counter] == before[counter], counter


def test_a_clock_that_was_set_back_by_a_year_is_told_and_stops_nothing(kept: Stage, hours: Time) -> None:
    assert kept.telekeep("daemon", "start").code == 0
    first = checked(kept, hours, 6 * HOUR)
    hours.wall -= 365 * DAY
    hours.pass_(60)
    said = json.loads(kept.telekeep("diagnostics", "--json").out)
    told = [each["finding"] for each in said["findings"] if each["check"] == "clock"]
    assert any("behind Telegram's" in each for each in told), told
    again = checked(kept, hours, 60, after=first["checked_at"] - 366 * DAY)
    assert again["outcome"] == "ok"
    assert kept.stats()["overlap"] == 0


def test_a_daemon_logs_json_where_that_is_wanted(kept: Stage, hours: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Stage.environment

    def with_json(self: Stage, home: str = "home") -> dict[str, str]:
        return environment(self, home) | {"TELEKEEP_LOG_FORMAT": "json", "TELEKEEP_HEALTH_HOURS": "1"}

    monkeypatch.setattr(Stage, "environment", with_json)
    assert kept.telekeep("daemon", "start").code == 0
    checked(kept, hours, 1.1 * HOUR)
    until(lambda: {("SessionChecked", "main"), ("LeaseTaken", "main")} <= events(kept))  # told after it is noted


def events(stage: Stage) -> set[tuple[str, str]]:
    """The events in the daemon's log, all of whose lines are JSON, and the sessions that they are about."""
    lines = [json.loads(line) for line in stage.telekeep("daemon", "logs").out.splitlines()]
    return {(each["event"], each["fields"]["name"]) for each in lines if "event" in each}
