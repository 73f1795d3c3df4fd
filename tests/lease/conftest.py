"""Real processes that hold leases, and a folder of leases for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lease.programs import HOLD, KEY, Program
from telekeep.clock import SystemClock
from telekeep.lease.local import LocalLeases


@pytest.fixture
def run() -> Iterator[Callable[..., Program]]:
    """Starts programs, and ends them with the test."""
    programs: list[Program] = []

    def start(script: str, *arguments: object) -> Program:
        programs.append(Program(script, *map(str, arguments)))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "leases"


@pytest.fixture
def leases(folder: Path) -> LocalLeases:
    return LocalLeases(folder, clock=SystemClock())


@pytest.fixture
def holding(run: Callable[..., Program], folder: Path) -> Program:
    """Another process that holds KEY."""
    program = run(HOLD, folder, KEY)
    assert program.line().isdigit()
    return program
