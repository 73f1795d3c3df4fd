"""A key that comes from another place: kept only if nobody speaks with it there any more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from telethon import TelegramClient
from telethon.crypto import AuthKey
from telethon.sessions import MemorySession

from keeper.conftest import PHONE
from telekeep.emulator import Emulator
from telekeep.errors import AuthKeyDuplicated, AuthKeyRevoked, SessionBusy, SessionNotFound
from telekeep.keeper.client import hold
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.moving import move_in
from telekeep.secret import Secret
from telekeep.session.model import Application, Session


@pytest.fixture
def foreign(telegram: Emulator) -> Session:
    """A session that another program made."""
    session = telegram.mint(telegram.add_account(PHONE, first_name="Ada"))
    return replace(session, user=None, application=Application(1, Secret(b"0" * 32)))


def other_program(session: Session) -> TelegramClient:
    kept = MemorySession()
    kept.set_dc(session.dc.id, session.dc.host, session.dc.port)
    kept.auth_key = AuthKey(session.auth_key.reveal())
    kind = type("Other", (TelegramClient,), {"_config": None})
    return kind(kept, 1, "0" * 32, connection_retries=0, auto_reconnect=False)


async def test_a_key_that_nobody_else_uses_moves_in(keeper: Keeper, telegram: Emulator, foreign: Session) -> None:
    other = other_program(foreign)
    async with other:
        await other.get_me()
    entry = await move_in(keeper, foreign, name="main")
    kept = keeper.vault.load("main")
    assert entry.generation == 1 and kept.user is not None and kept.auth_key == foreign.auth_key
    async with hold(keeper, "main") as client:
        assert (await client.get_me()).first_name == "Ada"
    assert (telegram.stats.overlap, telegram.stats.duplicated) == (0, 0)


async def test_one_that_is_still_in_use_is_not_kept_and_never_used_again(
    keeper: Keeper, telegram: Emulator, foreign: Session
) -> None:
    other = other_program(foreign)
    await other.connect()
    await other.get_me()
    with pytest.raises(AuthKeyDuplicated, match="elsewhere"):
        await move_in(keeper, foreign, name="main")
    await other.disconnect()
    with pytest.raises(SessionNotFound):
        keeper.vault.entry("main")
    assert keeper.vault.quarantined(foreign.auth_key.id) is not None
    assert telegram.stats.duplicated == 1


async def test_one_that_is_over_is_not_kept(keeper: Keeper, telegram: Emulator, foreign: Session) -> None:
    telegram.fault("unregister", PHONE)
    with pytest.raises(AuthKeyRevoked):
        await move_in(keeper, foreign, name="main")
    assert not keeper.vault.entries()


async def test_one_that_a_program_of_this_machine_holds_is_left_alone(
    keeper: Keeper, telegram: Emulator, foreign: Session
) -> None:
    lease = keeper.leases.try_acquire(foreign.auth_key.id)
    with pytest.raises(SessionBusy):
        await move_in(keeper, foreign, name="main")
    lease.release()
    assert telegram.stats.rpc == 0
