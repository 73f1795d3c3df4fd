"""Stories use the demo's stage: a folder of its own, an emulator as a process, programs as processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stories.days import Clock
from telekeep.cli.demo.stage import Stage, first_line

PHONE, CODE, PASSWORD = "9996621234", "22222", "correct horse battery"


@pytest.fixture
def stage() -> Iterator[Stage]:
    """An emulator as a process and a user with an account, not yet logged in."""
    with Stage() as stage:
        ready = first_line(stage.start("-m", "telekeep", "emulator", "serve", "--network-file", str(stage.network)))
        assert ready == f"ready {stage.network}"
        said = stage.telekeep("emulator", "account", "--phone", PHONE, "--password", PASSWORD, "--messages", "12")
        assert said.code == 0, said
        stage.write("password", PASSWORD + "\n")
        yield stage


@pytest.fixture
def kept(stage: Stage) -> Stage:
    """The same, logged in as `main`."""
    said = stage.telekeep("auth", "main", "--phone", PHONE, "--code", CODE, "--password-file", "password")
    assert said.code == 0, said
    return stage


@pytest.fixture
def clock(kept: Stage) -> Iterator[Clock]:
    """The clock of everything that is started on this stage from now on."""
    clock = Clock(kept.folder / "clock")
    before = kept.environment
    kept.environment = lambda home="home": before(home) | {"TELEKEEP_TEST_CLOCK": str(clock.path)}  # type: ignore[method-assign]
    yield clock
    clock.end()
