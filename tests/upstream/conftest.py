"""A Telegram on loopback, Ada's session in a vault, and the rule that holds in every test of this room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from telekeep.emulator import Emulator
from upstream.place import PHONE, Place, Wire, through


@pytest.fixture
async def place(tmp_path: Path, telegram: Emulator) -> AsyncIterator[Place]:
    """Ada's session, kept as ``main``. Telegram must never see it used twice at once, whatever the test does."""
    ada = telegram.add_account(PHONE, first_name="Ada", username="ada", messages=3)
    place = Place(tmp_path, telegram, telegram.network, ada)
    place.keep(telegram.mint(ada))
    yield place
    place.vault.close()
    place.ledger.close()
    assert (telegram.stats.overlap, telegram.stats.duplicated) == (0, 0)
    assert (telegram.stats.logins, telegram.stats.codes_sent) == (0, 0)


@pytest.fixture
async def wire(place: Place) -> AsyncIterator[Wire]:
    """The same, with a wire to the home data center that the test may cut."""
    first = place.network.addresses[0]
    wire = Wire(first.host, first.port)
    await wire.mend()
    place.network = through(place.network, wire)
    yield wire
    await wire.cut()
    wire.close()
