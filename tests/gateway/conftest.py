"""A session that is owned in this process, and the rules that hold whatever a test does to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from gateway.house import House
from telekeep.emulator import Emulator
from upstream.place import PHONE, Place, Wire, through


@pytest.fixture
def place(tmp_path: Path, telegram: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Ada's session, kept as ``main``."""
    monkeypatch.setenv("TELEKEEP_LEASES", str(tmp_path / "leases"))
    monkeypatch.setenv("TELEKEEP_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("TELEGRAM_API_ID", "1")
    monkeypatch.setenv("TELEGRAM_API_HASH", "0" * 32)
    ada = telegram.add_account(PHONE, first_name="Ada", username="ada", messages=8)
    place = Place(tmp_path, telegram, telegram.network, ada)
    place.keep(telegram.mint(ada))
    yield place
    place.vault.close()
    place.ledger.close()


@pytest.fixture
async def house(place: Place, log: list[str]) -> AsyncIterator[House]:
    """The session is owned. Telegram must never see it used twice, or logged in again, whatever the test does."""
    async for house in _house(place, log):
        yield house


@pytest.fixture
async def wire(place: Place) -> AsyncIterator[Wire]:
    """A wire to the home data center, which the test may cut: ask for it before ``wired``."""
    first = place.network.addresses[0]
    wire = Wire(first.host, first.port)
    await wire.mend()
    place.network = through(place.network, wire)
    yield wire
    await wire.cut()
    wire.close()


@pytest.fixture
async def wired(place: Place, wire: Wire, log: list[str]) -> AsyncIterator[House]:
    """A house behind ``wire``."""
    async for house in _house(place, log):
        yield house


@pytest.fixture
def forward(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Puts telekeep's clock so many seconds on, until the house is closed."""
    clock, passed = house.keeper.clock, [0.0]
    wall, boot = clock.wall, clock.boot
    monkeypatch.setattr(clock, "wall", lambda: wall() + passed[0])
    monkeypatch.setattr(clock, "boot", lambda: boot() + passed[0])

    def move(seconds: float) -> None:
        passed[0] += seconds

    return move


async def _house(place: Place, log: list[str]) -> AsyncIterator[House]:
    house = House(place, log)
    await house.open()
    yield house
    for client in house.clients:
        if client.is_connected():  # as one is that was refused on connecting, too
            await client.disconnect()
    lines = house.telegram._registry.lines_of(house.authorization) if house.has_login else []
    assert len(lines) <= 1
    await house.close(0.0)
    stats = house.telegram.stats
    assert (stats.duplicated, stats.overlap, stats.logins, stats.codes_sent) == (0, 0, 0, house.codes)
