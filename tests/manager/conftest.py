"""A world of its own for a test: a home, leases, and Ada's session as a file ``bot.session`` in the working folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keeper.conftest import own_world as own_world
from telekeep.emulator import Emulator
from telekeep.keeper.keeper import Keeper
from telekeep.manager import TelegramSessionManager
from telekeep.session import formats
from telekeep.session.model import Session, UpdateState
from telekeep.session.network import dump

PHONE = "9996621234"


@pytest.fixture
def network(own_world: Path, telegram: Emulator) -> str:
    """The emulator's network file, as programs name it."""
    file = own_world / "network.toml"
    file.write_text(dump(telegram.network))
    return str(file)


@pytest.fixture
def ada(own_world: Path, telegram: Emulator) -> Session:
    """Ada's session, in ``bot.session``."""
    session = telegram.mint(telegram.add_account(PHONE, first_name="Ada", username="ada"))
    put(own_world / "bot.session", session)
    return session


@pytest.fixture
async def manage(network: str) -> AsyncIterator[Callable[..., TelegramSessionManager]]:
    """Makes managers, and closes them with the test."""
    made: list[TelegramSessionManager] = []

    def make(name: Any = "bot", **options: Any) -> TelegramSessionManager:
        options = {"network": network, "timeout": 0.0, **options}
        made.append(TelegramSessionManager(1, "0" * 32, "+9996621234", name, **options))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture
def keeper(network: str) -> Any:
    with Keeper.open(network=network) as keeper:
        yield keeper


def put(path: Path, session: Session, **more: Any) -> None:
    """Write ``session`` as the session file that stock Telethon keeps."""
    path.write_bytes(formats.FORMATS["telethon-sqlite"].write(replace(session, **more)))


def state_of(path: Path) -> UpdateState | None:
    return formats.read(formats.read_file(path)).state
