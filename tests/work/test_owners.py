"""The sessions a daemon owns: lent on demand, handed over in order, and opened again for whoever has a loan."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from telethon import TelegramClient, errors
from telethon.crypto import AuthKey
from telethon.sessions import MemorySession

from telekeep.emulator import Emulator
from telekeep.errors import AuthKeyRevoked, ConfigError, NotGranted, SessionBusy, SessionNotFound, TelekeepError
from telekeep.keeper import transfer
from telekeep.keeper.client import hold
from telekeep.keeper.keeper import Keeper
from telekeep.lease.lease import lease_name
from telekeep.mtproto import keys
from telekeep.mtproto.schema import functions
from telekeep.upstream.owned import OwnedClient
from telekeep.vault.keys.file import KeyFile
from telekeep.work import owning as room
from telekeep.work.owners import Owners
from upstream.place import PHONE, Place

_KEY = keys.make()


@pytest.fixture
def place(tmp_path: Path, telegram: Emulator, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Ada's session, kept as ``main``."""
    for name, value in {
        "TELEKEEP_LEASES": str(tmp_path / "leases"),
        "TELEKEEP_STATE": str(tmp_path / "state"),
        "TELEGRAM_API_ID": "1",
        "TELEGRAM_API_HASH": "0" * 32,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(room, "_AGAIN", 0.05)
    monkeypatch.setattr(room, "_HANDED_OVER", 0.2)
    monkeypatch.setattr(room.keys, "make", lambda: _KEY)
    ada = telegram.add_account(PHONE, first_name="Ada", messages=3)
    place = Place(tmp_path, telegram, telegram.network, ada)
    place.keep(telegram.mint(ada))
    return place


def keeper_of(place: Place) -> Keeper:
    return Keeper.open(
        home=place.root / "home", network=place.network, key_source=KeyFile(place.root / "config" / "key")
    )


@pytest.fixture
async def owners(place: Place) -> AsyncIterator[Owners]:
    """The owners of a daemon that has begun. Telegram never sees two connections of one key, whatever the test does."""
    keeper = keeper_of(place)
    owners = Owners(keeper)
    yield owners
    await owners.close(1.0)
    keeper.close()
    place.vault.close()
    assert (place.telegram.stats.overlap, place.telegram.stats.duplicated) == (0, 0)


def borrower(given: dict) -> TelegramClient:  # type: ignore[type-arg]
    session = MemorySession()
    session.set_dc(*given["addresses"][0])
    session.auth_key = AuthKey(bytes.fromhex(given["key"]))
    return TelegramClient(session, 1, "0" * 32)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - it watches what has no event
            await asyncio.sleep(0.01)


async def test_a_new_loan_begins_behind_what_happened_before_it(owners: Owners, place: Place) -> None:
    """What came while nobody looked is no news to a program that begins afterwards."""
    async with hold(owners._keeper, "main", timeout=1.0) as client:  # its state is kept
        await client.get_me()
    place.telegram.send(PHONE, "before", 3)
    place.telegram.fault("delay", method="updates.getDifference", seconds=0.1)
    given = await owners.borrow("main")
    assert given["state"][0] == place.ada.box.pts


async def test_ten_who_borrow_at_once_share_one_connection(owners: Owners, place: Place) -> None:
    given = await asyncio.gather(*(owners.borrow("main") for _ in range(10)))
    assert len({each["id"] for each in given}) == 10
    assert place.telegram.stats.connections == 1


async def test_a_program_that_comes_back_gets_its_loan_again(owners: Owners) -> None:
    first = await owners.borrow("main", grant="read-only")
    assert (await owners.borrow("main", grant="read-only", loan=first["id"]))["key"] == first["key"]
    assert (await owners.borrow("main", grant="full", loan=first["id"]))["key"] != first["key"]


async def test_what_cannot_be_lent_is_named_before_anything_connects(owners: Owners, place: Place) -> None:
    with pytest.raises(SessionNotFound):
        await owners.borrow("nobody")
    with pytest.raises(ConfigError):
        await owners.borrow("main", grant="everything")
    with pytest.raises(ConfigError):
        await owners.lend("main", seconds=0)
    with pytest.raises(ConfigError, match="elsewhere"):
        await owners.borrow("main", network="elsewhere")
    assert place.telegram.stats.connections == 0


async def test_a_session_that_somebody_holds_is_not_lent(owners: Owners, place: Place) -> None:
    async with place.client():
        with pytest.raises(SessionBusy):
            await owners.borrow("main")
    assert (await owners.borrow("main"))["name"] == "main"


async def test_loans_are_listed_and_revoked_whether_their_session_is_open_or_not(owners: Owners, place: Place) -> None:
    given = await owners.lend("main", label="notebook", grant="read-only", seconds=60)
    async with borrower(given) as program:
        await program.get_me()
        (listed,) = owners.loans("main")
        assert (listed["label"], listed["grant"], listed["state"]) == ("notebook", "read-only", "open")
        assert len(listed["borrowers"]) == 1
    await owners.lend("main", label="worker")
    await until(lambda: not owners.loans("main")[0]["borrowers"])
    assert await owners.release(lease_name(place.vault.load("main").auth_key.id))
    assert (await owners.revoke("worker"))["state"] == "revoked"
    assert {each["label"]: each["state"] for each in owners.loans()} == {"notebook": "open", "worker": "revoked"}
    with pytest.raises(NotGranted):
        await owners.revoke("worker")


async def test_a_label_that_two_loans_have_revokes_neither(owners: Owners) -> None:
    for _ in range(2):
        await owners.lend("main", label="twin")
    with pytest.raises(ConfigError):
        await owners.revoke("twin")
    assert {each["state"] for each in owners.loans()} == {"open"}


async def test_a_session_in_use_is_not_handed_over_and_the_users_are_named(owners: Owners, place: Place) -> None:
    lease = lease_name(place.vault.load("main").auth_key.id)
    given = await owners.borrow("main")
    async with borrower(given) as program:
        await program.get_me()
        with pytest.raises(SessionBusy, match="lends 'main' to"):
            await owners.release(lease)
    await until(lambda: owners.is_idle())
    assert await owners.release(lease) is True
    assert await owners.release(lease) is False


async def test_a_handed_over_session_is_taken_back_for_its_loans(
    owners: Owners, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_HANDED_OVER", 600.0)
    clock = owners._keeper.clock
    boot = clock.boot
    given = await owners.lend("main")
    await owners.resume()
    assert await owners.release(lease_name(place.vault.load("main").auth_key.id))
    await asyncio.sleep(0.2)  # for as long as it was promised to, it is left to whoever asked for it
    assert owners.status() == []
    async with place.client() as direct:
        await direct.get_me()
        monkeypatch.setattr(clock, "boot", lambda: boot() + 600.0)
        await asyncio.sleep(0.3)  # while somebody holds it, it is left to them
        assert owners.status() == []
    await until(lambda: bool(owners.status()))
    async with borrower(given) as program:
        assert (await program.get_me()).first_name == "Ada"


async def test_sessions_that_are_opened_together_ask_telegram_twice_each(owners: Owners, place: Place) -> None:
    """Who they are, with which a connection begins, and what they missed; and one of them how Telegram is laid out."""
    names = ["main", *(f"other-{number}" for number in range(3))]
    for name in names[1:]:
        place.keep(place.telegram.mint(place.ada), name)
    for name in names:
        await owners.lend(name)
    await owners.lock()
    type(hold(owners._keeper, "main", kind=OwnedClient))._config = None  # as in a process that has just begun
    before = place.telegram.stats.rpc
    await owners.resume()
    assert [each["name"] for each in owners.status()] == sorted(names)
    await until(lambda: place.telegram.stats.rpc - before >= 2 * len(names) + 1)
    for name in names:
        assert await owners.probe(name) == {"id": place.ada.id, "username": None}
    assert place.telegram.stats.rpc - before == 3 * len(names) + 1  # a probe asks once more


async def test_a_loan_revoked_while_its_session_is_opened_stays_revoked(owners: Owners, place: Place) -> None:
    given = await owners.lend("main")
    await owners.lend("main", label="kept")
    await owners.lock()
    place.telegram.fault("delay", seconds=0.5)
    opening = asyncio.create_task(owners.resume())
    await until(lambda: not place.is_free())
    await owners.revoke(given["id"])
    await opening
    program = borrower(given)
    with pytest.raises(errors.RPCError, match="LOAN_REVOKED"):
        await program.connect()
        await program.get_me()
    await program.disconnect()


async def said(program: TelegramClient) -> errors.RPCError:
    """What a program is told that goes on trying, as stock clients do."""
    while True:
        try:
            await program.connect()
            await program.get_me()
        except errors.RPCError as told:
            return told
        except ConnectionError:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("was_stopped", [False, True])
async def test_who_comes_with_a_loan_of_a_removed_session_is_told_that_it_ended(
    owners: Owners, place: Place, was_stopped: bool
) -> None:
    """It would connect again for ever, to where nobody listens."""
    program = borrower(await owners.lend("main", label="notebook"))
    await program.connect()
    await program.get_me()
    lease = lease_name(place.vault.load("main").auth_key.id)
    if was_stopped:
        await owners.lock()  # as when the daemon stops: the program connects again and again
    else:
        await owners.resume()
        await program.disconnect()
        await until(lambda: not owners._owners["main"].borrowers())
        assert await owners.release(lease)
    assert await asyncio.to_thread(transfer.remove, owners._keeper, "main") == 1
    await owners.resume()
    told = await asyncio.wait_for(said(program), 20)
    assert (told.code, told.message) == (400, "LOAN_REVOKED"), "and no 401: some programs delete their session on it"
    with pytest.raises(errors.UnauthorizedError, match="LOAN_REVOKED"):
        await program(functions.updates.GetDifferenceRequest(1, datetime.now(UTC), 0))  # what ends one that listens
    await program.disconnect()
    assert owners.status() == []

    transfer.restore(owners._keeper, "main")  # the ended loans stay ended, and new ones are told from them
    async with borrower(await owners.lend("main", label="anew")) as another:
        assert (await another.get_me()).first_name == "Ada"
        assert (await said(program)).message == "LOAN_REVOKED"
        assert {each["label"]: each["state"] for each in owners.loans()} == {"notebook": "revoked", "anew": "open"}
    await program.disconnect()


async def test_a_revoked_loan_is_told_though_nothing_else_of_its_session_is_lent(owners: Owners) -> None:
    program = borrower(await owners.lend("main"))
    await owners.revoke(owners.loans("main")[0]["id"])
    await owners.lock()  # as when the daemon stops, and starts again with nothing to own
    await owners.resume()
    assert (await asyncio.wait_for(said(program), 20)).message == "LOAN_REVOKED"
    assert owners.status() == []
    await program.disconnect()


async def test_a_login_that_its_holder_ended_is_told_as_a_loan_that_ended(owners: Owners, place: Place) -> None:
    program = borrower(await owners.lend("main"))
    await owners.lock()
    async with hold(owners._keeper, "main", timeout=1.0) as client:
        await client.log_out()
    await owners.resume()
    assert (await asyncio.wait_for(said(program), 20)).message == "LOAN_REVOKED"
    await program.disconnect()


async def test_a_lock_lets_everything_go_until_it_is_opened_again(owners: Owners, place: Place) -> None:
    given = await owners.lend("main")
    await owners.lock()
    assert owners.status() == [] and place.is_free()
    await owners.resume()
    async with borrower(given) as program:
        assert (await program.get_me()).first_name == "Ada"


async def test_a_new_login_under_the_name_takes_over_the_loans(owners: Owners, place: Place) -> None:
    given = await owners.lend("main")
    await owners.resume()
    place.telegram.fault("revoke", times=1)
    with pytest.raises(AuthKeyRevoked):
        await owners.probe("main")
    await until(lambda: owners.status()[0]["state"] == "SESSION_REVOKED")
    fresh = place.telegram.mint(place.ada)
    lease = place.leases.try_acquire(fresh.auth_key.id)
    place.vault.keep("main", fresh, fence=lease.fence, expected=place.vault.entry("main").generation)
    lease.release()
    await until(lambda: bool(owners.status()) and owners.status()[0]["state"] == "connected")
    async with borrower(given) as program:
        assert (await program.get_me()).first_name == "Ada"


async def test_an_owned_session_is_probed_through_its_owner(owners: Owners, place: Place) -> None:
    assert await owners.probe("main") is None
    await owners.borrow("main")
    assert await owners.probe("main") == {"id": place.ada.id, "username": None}
    assert place.telegram.stats.connections == 1


async def test_two_sessions_share_the_gateways_rsa_key(owners: Owners, place: Place) -> None:
    place.keep(place.telegram.mint(place.ada), "other")
    one, other = await owners.lend("main"), await owners.lend("other")
    assert one["server_key"] == other["server_key"] == await owners.server_key("main")
    assert one["addresses"][0] != other["addresses"][0]


async def test_a_damaged_gateway_address_is_made_anew(owners: Owners, place: Place) -> None:
    await owners.lend("main")
    await owners.lock()
    place.vault.keep_endpoint("main", b"nonsense")
    await owners.resume()
    async with borrower(await owners.lend("main")) as program:
        assert (await program.get_me()).first_name == "Ada"


async def test_a_held_client_asks_nobody_unless_told_to(owners: Owners, place: Place) -> None:
    """`hold` is what the daemon itself uses: it must not ask itself."""
    await owners.borrow("main")
    with keeper_of(place) as keeper, pytest.raises(SessionBusy):
        await hold(keeper, "main", timeout=0.0, api_id=1, api_hash="0" * 32).connect()


async def test_a_session_that_is_just_being_opened_is_handed_over_when_it_is_open(
    owners: Owners, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon takes back what it lends as soon as it is free: who asks in that moment is not sent away."""
    lease = lease_name(place.vault.load("main").auth_key.id)
    await owners.lend("main")
    assert await owners.release(lease)
    opened, go_on = asyncio.Event(), asyncio.Event()
    own = room.own

    async def slowly(*terms: Any, **more: Any) -> Any:
        owner = await own(*terms, **more)
        opened.set()
        await go_on.wait()
        return owner

    monkeypatch.setattr(room, "own", slowly)
    await owners.resume()
    await asyncio.wait_for(opened.wait(), 30)
    asking = asyncio.create_task(owners.release(lease))
    await asyncio.sleep(0)
    go_on.set()
    assert await asking is True
    async with place.client() as direct:
        await direct.get_me()


@pytest.mark.parametrize("end", ["lock", "close"])
async def test_a_session_that_is_being_opened_is_let_go_with_the_others(
    owners: Owners, place: Place, log: list[str], end: str
) -> None:
    """Somebody borrows in the very moment in which the daemon is locked, or stops: nobody would ever close it."""
    place.telegram.fault("delay", method="users.getUsers", seconds=0.5)
    borrowing = asyncio.create_task(owners.borrow("main"))
    await until(lambda: "users.getUsers" in log)
    await (owners.lock() if end == "lock" else owners.close(1.0))
    assert place.is_free()
    with pytest.raises(TelekeepError):
        await borrowing
    assert owners.status() == [] and place.is_free()
