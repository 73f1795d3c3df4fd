from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from mtproto.client import RawClient
from telekeep.emulator import Emulator
from telekeep.emulator.world import Account
from telekeep.session.model import Session

PHONE = "9996621234"


@pytest.fixture
def ada(telegram: Emulator) -> Account:
    return telegram.add_account(PHONE, first_name="Ada", username="adalove")


@pytest.fixture
def session(telegram: Emulator, ada: Account) -> Session:
    return telegram.mint(ada)


@pytest.fixture
async def raw() -> AsyncIterator[Callable[..., Awaitable[RawClient]]]:
    """Opens hand-written clients, and closes them."""
    opened = []

    async def open_one(session: Session, where: Any = None, *, ready: bool = True, **more: Any) -> RawClient:
        if ready:
            client = await RawClient.ready(session, where, **more)
        else:
            client = await RawClient.open(where or session.dc, session, **more)
        opened.append(client)
        return client

    yield open_one
    for client in opened:
        await client.close()
