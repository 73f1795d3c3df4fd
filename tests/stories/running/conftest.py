"""One house for all tests of a file: what they do to it leaves no trace, and that is what they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stories.borrowing.lending import Lending
from stories.running.house import House, furnished
from telekeep.cli.demo.stage import Stage


@pytest.fixture(scope="module")
def built() -> Iterator[House]:
    with Stage() as stage:
        users = furnished(stage)
        with Lending(stage) as lending:
            house = House(lending, users)
            yield house
            house.kill()


@pytest.fixture
def house(built: House) -> Iterator[House]:
    """Whatever a test does in it: one login, one connection, nothing left."""
    yield built
    try:
        built.check()
    finally:
        built.tidy()  # what one test leaves is not the next one's


@pytest.fixture
def folder(house: House) -> Path:
    return house.folder()
