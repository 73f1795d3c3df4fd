"""The keys of other data centers that a login made: kept and passed on, spoken with by nobody, never a new login's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from telethon import functions

from keeper.conftest import PHONE
from telekeep.emulator import Emulator
from telekeep.errors import AuthKeyRevoked
from telekeep.keeper.backup import back_up
from telekeep.keeper.client import hold
from telekeep.keeper.fork import fork
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.renew import renew
from telekeep.keeper.restore import opened, restore
from telekeep.keeper.transfer import export_session, import_session, prepare_export
from telekeep.login.prompt import Unattended
from telekeep.secret import Secret
from telekeep.session import formats
from telekeep.session.model import AuthKey, DataCenter, Session, User
from telekeep.session.network import PRODUCTION
from telekeep.vault.payload import read_session, write_session

OTHERS = {4: AuthKey(b"Zq7xWmfour" + b"4" * 246), 5: AuthKey(b"Zq7xWmfive" + b"5" * 246)}
BARE = Session(DataCenter(2, "127.0.0.1"), AuthKey(b"k" * 256))


@pytest.fixture
def with_others(keeper: Keeper, main: Session, telegram: Emulator) -> Session:
    """Ada's session with keys of two more data centers, kept as ``main``."""
    session = replace(main, user=User(telegram.world.account_of(PHONE).id, False, "ada"), other_keys=OTHERS)
    lease = keeper.leases.try_acquire(main.auth_key.id)
    keeper.vault.keep("main", session, fence=lease.fence, expected=1)
    lease.release()
    return session


@pytest.mark.parametrize("form", ["mtcute-sqlite", "telethon-v2", "telekeep-json"])
def test_what_holds_them_gives_them_to_the_vault_and_gets_them_back(
    keeper: Keeper, with_others: Session, form: str
) -> None:
    written = export_session(keeper, "main", form)
    assert formats.read(written, network=keeper.network).other_keys == OTHERS
    keeper.vault.remove("main", fence=keeper.vault.entry("main").fence)
    import_session(keeper, written, name="again")
    assert keeper.vault.load("again").other_keys == OTHERS
    assert keeper.vault.load("again").auth_key == with_others.auth_key


def test_those_of_telegram_desktop_come_back_as_its_own(own_world: Path) -> None:
    """It has no place for an address: the real network's only."""
    session = Session(PRODUCTION.dc(4), AuthKey(b"k" * 256), User(7), other_keys={2: OTHERS[4], 1: OTHERS[5]})
    with Keeper.open() as keeper:
        import_session(keeper, formats.write(session, "tdata"), name="main")
        assert keeper.vault.load("main").other_keys == session.other_keys
        assert formats.read(export_session(keeper, "main", "tdata")).other_keys == session.other_keys


@pytest.mark.parametrize("form", ["telethon-sqlite", "telethon-string", "pyrogram-sqlite"])
def test_what_cannot_hold_them_says_so(keeper: Keeper, with_others: Session, form: str) -> None:
    """Telethon takes the first row of its sessions table for the account's own, whatever data center it is of."""
    assert any("2 other data centers" in loss for loss in prepare_export(keeper, "main", form).losses)


def test_a_backup_holds_them(keeper: Keeper, with_others: Session) -> None:
    path = back_up(keeper, None, reason="asked").path
    lease = keeper.leases.try_acquire(with_others.auth_key.id)
    keeper.vault.keep("main", replace(with_others, other_keys={}), fence=lease.fence, expected=2)
    assert keeper.vault.load("main", generation=2).other_keys == OTHERS
    lease.release()
    restore(keeper, opened(keeper, path))
    assert keeper.vault.load("main").other_keys == OTHERS


async def test_a_new_authorization_has_none_of_the_old_ones(keeper: Keeper, with_others: Session) -> None:
    await fork(keeper, "main", "second", Unattended())
    assert keeper.vault.load("second").other_keys == {} and keeper.vault.load("main").other_keys == OTHERS
    await renew(keeper, "main", Unattended())
    assert keeper.vault.load("main").other_keys == {}


async def test_a_renewal_that_is_taken_back_leaves_the_old_one_with_its_own(
    keeper: Keeper, with_others: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(self: object) -> None:
        raise AuthKeyRevoked

    monkeypatch.setattr("telekeep.upstream.fresh.Fresh.me", refused)
    with pytest.raises(AuthKeyRevoked):
        await renew(keeper, "main", Unattended())
    after = keeper.vault.load("main")
    assert after.auth_key == with_others.auth_key and after.other_keys == OTHERS


async def test_a_held_client_speaks_with_a_key_of_its_own_there(keeper: Keeper, with_others: Session) -> None:
    """The kept one may be on a connection of whoever had the session before."""
    async with hold(keeper, "main") as client:
        sender = await client._borrow_exported_sender(4)
        assert await client._call(sender, functions.help.GetNearestDcRequest())
        assert AuthKey(sender.auth_key.key) not in OTHERS.values()
        client.keep_tokens([Secret(b"a token")])  # another generation is written
    assert keeper.vault.load("main").other_keys == OTHERS and len(keeper.vault.history("main")) == 3


def test_records_of_earlier_releases_have_none_and_are_written_as_before() -> None:
    session = replace(BARE, other_keys=OTHERS)
    assert read_session(write_session(session)).other_keys == OTHERS
    table = json.loads(write_session(session))
    del table["others"]  # as an earlier telekeep wrote it; to it, this is a word more that it passes over
    assert table["v"] == 1 and read_session(json.dumps(table).encode()) == BARE
    assert b"others" not in write_session(BARE)


def test_none_of_them_shows() -> None:
    assert "Zq7xWm" not in repr(replace(BARE, other_keys=OTHERS))
