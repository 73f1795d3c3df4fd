"""What a program is told when it connects and cannot have the session: telekeep's own errors, each with its remedy."""

from __future__ import annotations

import asyncio

import pytest
from telethon.errors import AuthKeyNotFound, RPCError

from borrow.served import Served, until
from telekeep.errors import (
    AccountBanned,
    AuthKeyRevoked,
    ConfigError,
    NotGranted,
    SessionBusy,
    SessionExpired,
    SessionNotFound,
    SessionSealed,
    TelekeepError,
)
from telekeep.keeper.keeper import Keeper
from telekeep.vault.keys import passphrase
from telekeep.vault.keys.passphrase import Passphrase


async def refused(served: Served, kind: type[TelekeepError], name: str = "main", **options: str) -> TelekeepError:
    """The error that connecting raises, by either way; it must say what to do."""
    for way in ("connect", "start"):
        client = served.client(name, **options)
        with pytest.raises(kind) as told:
            await getattr(client, way)()
        assert type(told.value) is kind
        assert told.value.remedy, f"{kind.__name__} says nothing about what to do"
        assert not client.is_connected()
        await client.disconnect()
    return told.value


async def test_a_session_that_is_not_kept(served: Served) -> None:
    error = await refused(served, SessionNotFound, "nobody")
    assert "nobody" in error.message and "telekeep auth nobody" in str(error.remedy), "as it can be typed"


async def test_a_home_where_nothing_was_ever_kept(home: Served) -> None:
    await home.start()
    try:
        await refused(home, SessionNotFound)
    finally:
        await home.stop()


async def test_a_vault_that_is_locked(home: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passphrase, "MEMORY_KIB", 64)
    monkeypatch.setattr(passphrase, "PASSES", 1)
    home.keep(home.telegram.mint(home.ada), source=Passphrase(lambda: "a long one"))
    await home.start()
    try:
        error = await refused(home, SessionSealed)
        assert "telekeep unlock" in str(error.remedy)
    finally:
        await home.stop()


@pytest.mark.parametrize("grant", ["nonsense", "messages.getHistory,no.such", ""])
async def test_a_grant_that_means_nothing(served: Served, grant: str) -> None:
    client = served.client(grant=grant)
    with pytest.raises((ConfigError, NotGranted)) as told:
        await client.connect()
    assert told.value.remedy
    assert not client.is_connected()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("revoke", AuthKeyRevoked), ("unregister", AuthKeyRevoked), ("forget", AuthKeyRevoked),
     ("expire", SessionExpired), ("ban", AccountBanned)],
)  # fmt: skip
@pytest.mark.parametrize("when", ["before it is opened", "while it is lent"])
async def test_a_login_that_is_over(served: Served, fault: str, kind: type[TelekeepError], when: str) -> None:
    if when == "while it is lent":
        async with served.client() as client:
            served.telegram.fault(fault)
            with pytest.raises((RPCError, ConnectionError, AuthKeyNotFound)):
                await asyncio.wait_for(client.get_dialogs(), 20)
            await until(lambda: served.owner.verdict)
            await refused(served, kind)
    else:
        served.telegram.fault(fault)
    await refused(served, kind)
    assert served.telegram.stats.codes_sent == 0


async def test_a_session_that_somebody_else_holds(served: Served) -> None:
    with Keeper.open() as keeper:
        held = keeper.leases.try_acquire(keeper.vault.load("main").auth_key.id, purpose="another program")
        try:
            await refused(served, SessionBusy)
        finally:
            held.release()
    async with served.client() as client:
        assert (await client.get_me()).id == served.ada.id


async def test_a_daemon_that_speaks_to_another_network(served: Served) -> None:
    error = await refused(served, ConfigError, network="test")
    assert "emulator" in error.message and "test" in error.message


async def test_a_login_that_ends_just_as_the_program_connects(served: Served) -> None:
    """The daemon has given the loan; the gateway, asked a moment later, knows better."""
    client = served.client()
    fetch = client._fetch
    early = [await asyncio.to_thread(fetch, None)]
    client._fetch = lambda before: early.pop() if early else fetch(before)
    served.telegram.fault("revoke")
    with pytest.raises(AuthKeyRevoked):
        await served.owner.ask_own_user()
    await until(lambda: served.owner.verdict)
    with pytest.raises(AuthKeyRevoked):
        await client.connect()
    assert not client.is_connected()
