from __future__ import annotations

import pytest

from emulator.services.bench import Bench
from telekeep.emulator.world import World


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def world(bench: Bench) -> World:
    return bench.world
