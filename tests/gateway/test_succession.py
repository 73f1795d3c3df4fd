"""Another authorization takes over while programs borrow: they wait a moment, and lose nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from telethon import functions, types

from gateway.conftest import place as place
from gateway.house import Ear, House
from telekeep.emulator.world.peer import user
from telekeep.errors import AuthKeyRevoked, SessionBusy, TelekeepError
from telekeep.gateway import succession
from telekeep.keeper.renew import renew_held
from telekeep.keeper.renewing import planned, standing
from telekeep.keeper.renewing.finish import finish
from telekeep.keeper.renewing.renewal import Renewal
from telekeep.keeper.renewing.standing import Owned
from telekeep.login.prompt import Unattended
from telekeep.upstream import fresh, giving_way
from upstream.place import Place

ME = functions.users.GetUsersRequest([types.InputUserSelf()])


@pytest.fixture
async def house(place: Place, log: list[str]) -> AsyncIterator[House]:
    """The session is owned. Whatever a test does: one login in the end, and never one key on two connections."""
    house = House(place, log)
    await house.open()
    yield house
    for client in house.clients:
        if client.is_connected():
            await client.disconnect()
    kept = house.keeper.vault.load("main").auth_key.id
    assert [each.key.id for each in house.telegram.authorizations(house.ada)] == [kept]
    assert not planned.all_of(house.keeper.vault)
    await house.close(0.0)
    stats = house.telegram.stats
    assert (stats.duplicated, stats.overlap, stats.codes_sent) == (0, 0, 0)


async def renewed(house: House, **options: Any) -> Renewal:
    stands = Owned(house.keeper, house.owner, asyncio.Lock())
    return await renew_held(house.keeper, "main", stands, Unattended(), **options)


async def until(ear: Ear, count: int) -> None:
    async with asyncio.timeout(60):
        while len(ear.texts) < count:  # noqa: ASYNC110 - what it is told has no event of its own
            await asyncio.sleep(0.01)


async def met(client: Any, user_id: int) -> Any:
    """The input peer of somebody who has written before: Telethon 1.40 learns of people from their dialogs only."""
    await client.get_dialogs()
    return await client.get_input_entity(user_id)


async def test_borrowers_go_on_with_their_old_loans_and_their_old_peers(house: House) -> None:
    bob = house.bob()
    house.writes(bob, "hello")
    async with house.program() as client:
        old = await met(client, bob.id)
        before = house.authorization
        found = await renewed(house)
        assert found.ended and not before.is_logged_in and house.authorization is not before
        assert (await client.get_me()).id == house.ada.id
        assert (await client.send_message(old, "still here")).id
        assert client.is_connected()
    assert house.telegram.stats.connections <= 6


async def test_what_was_asked_before_is_sent_with_the_new_hashes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits in its turn already addressed: by hashes that mean nothing to the new authorization."""
    bob = house.bob()
    house.writes(bob, "hello")
    async with house.program() as client:
        peer = await met(client, bob.id)
        sent: list[Any] = []
        put = standing.owning

        def waiting(*args: Any, **options: Any) -> Any:
            sent.append(asyncio.ensure_future(client.send_message(peer, "asked meanwhile")))
            return put(*args, **options)

        monkeypatch.setattr(standing, "owning", waiting)
        connect = type(house.owner.client).connect

        async def slowly(self: Any) -> None:
            async with asyncio.timeout(30):
                while not house.owner._forwarding.waiting:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            await connect(self)

        monkeypatch.setattr(type(house.owner.client), "connect", slowly)
        await renewed(house)
        assert (await sent[0]).id
    assert [each.text for each in bob.box.dialog(user(house.ada.id)).messages][-1] == "asked meanwhile"


async def test_not_a_message_is_lost_or_told_twice(house: House) -> None:
    async with house.program() as one, house.program() as other:
        ears = [Ear(one), Ear(other)]
        await one(ME), await other(ME)
        number, going = 0, True

        async def rain() -> None:
            nonlocal number
            while going:
                number += 1
                house.arrive(f"drop {number}")
                await asyncio.sleep(0.003)

        falling = asyncio.create_task(rain())
        for _ in range(3):
            await renewed(house)
        going = False
        await falling
        for ear in ears:
            await until(ear, number)
            assert ear.texts == [f"drop {each}" for each in range(1, number + 1)]
    journal = house.owner.journal
    told = [each for each in journal.after(journal.oldest - 1) if each.line is None and each.advances]
    assert [each.pts_from for each in told[1:]] == [each.pts_to for each in told[:-1]], "told twice, or with a hole"


async def test_a_program_that_was_away_catches_up_across_a_renewal(house: House) -> None:
    loan = house.lend()
    client = house.stock(loan, catch_up=True)
    ear = Ear(client)
    async with client:
        house.arrive("before")
        await until(ear, 1)
    house.arrive("on the old one")
    await renewed(house)
    house.arrive("on the new one")
    async with client:
        await client.catch_up()
        await until(ear, 3)
    assert ear.texts == ["before", "on the old one", "on the new one"]


async def test_after_a_restart_of_the_owner_everything_is_as_it_was(house: House) -> None:
    async with house.program() as client:
        ear = Ear(client)
        await client(ME)
        house.arrive("one")
        await until(ear, 1)
        house.owner.client._write(house.owner.client._hold)  # under the old key
        await renewed(house)
        house.arrive("two")
        await until(ear, 2)
        size = house.owner.journal.size
        await house.reopen()
        assert house.owner.journal.size >= size >= 2, "what was told before is not known under the new key"
        house.arrive("three")
        await until(ear, 3)
        assert ear.texts == ["one", "two", "three"]
        assert (await client.get_me()).id == house.ada.id


async def test_if_the_new_one_is_refused_the_old_one_goes_on_and_nothing_is_lost(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house.program() as client:
        ear = Ear(client)
        await client(ME)
        before = house.authorization
        kind = type(house.owner.client)

        async def refused(self: Any) -> None:
            house.arrive("said to the old one meanwhile")
            await asyncio.sleep(0.05)
            raise AuthKeyRevoked

        with monkeypatch.context() as patch, pytest.raises(AuthKeyRevoked):
            patch.setattr(kind, "connect", refused)
            await renewed(house)
        assert house.authorization is before
        assert house.keeper.vault.load("main").auth_key.id == before.key.id
        await until(ear, 1)
        house.arrive("and after that")
        await until(ear, 2)
        assert ear.texts == ["said to the old one meanwhile", "and after that"]
        assert (await client.get_me()).id == house.ada.id
    await house.reopen()  # what was written is what a new owner can begin with
    async with house.program() as client:
        assert (await client.get_me()).id == house.ada.id


async def test_one_whose_line_is_lost_while_it_takes_over_is_put_back(house: House) -> None:
    before = house.authorization
    async with house.program() as client:
        await client(ME)
        house.telegram.fault("error", method="users.getUsers", code=400, message="NOT_NOW", times=2)
        with pytest.raises(TelekeepError):
            await renewed(house)
        house.telegram.clear_faults()
        assert house.authorization is before
        assert (await client.get_me()).id == house.ada.id


async def test_what_the_old_one_was_never_told_the_new_one_fetches(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house.program() as client:
        ear = Ear(client)
        await client(ME)
        house.arrive("one")
        await until(ear, 1)
        with monkeypatch.context() as patch:
            patch.setattr(house.telegram, "push", lambda *args, **options: None)
            house.arrive("lost on the way")
        await renewed(house)
        house.arrive("three")
        await until(ear, 3)
        assert ear.texts == ["one", "lost on the way", "three"]


async def test_an_end_that_is_received_and_not_carried_out_is_no_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Telethon takes the receipt of a logout for its answer."""
    monkeypatch.setattr(giving_way, "END_SECONDS", 0.5)
    answer = fresh.Fresh._answer

    async def briefly(self: Any, client: Any, request: Any) -> Any:
        is_end = isinstance(request, functions.auth.LogOutRequest)
        monkeypatch.setattr(fresh, "ANSWER_SECONDS", 0.5 if is_end else 30.0)
        return await answer(self, client, request)

    monkeypatch.setattr(fresh.Fresh, "_answer", briefly)
    old = house.authorization
    async with house.program() as client:
        house.telegram.fault("delay", method="auth.logOut", seconds=60.0, times=3)
        found = await renewed(house)
        assert not found.ended and found.why
        assert (await client.get_me()).id == house.ada.id
        house.telegram.clear_faults()
        assert old.is_logged_in and await finish(house.keeper)
        assert not old.is_logged_in
        assert (await client.get_me()).id == house.ada.id


async def test_calls_that_do_not_end_put_it_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(succession, "REST_SECONDS", 0.2)
    before = house.authorization
    async with house.program() as client:
        await client(ME)
        house.telegram.fault("delay", method="messages.getDialogFilters", seconds=1.0)
        slow: list[asyncio.Future[Any]] = []
        succeed = type(house.owner).succeed

        async def late(self: Any, *args: Any) -> Any:
            slow.append(asyncio.ensure_future(client(functions.messages.GetDialogFiltersRequest())))
            async with asyncio.timeout(30):
                while "messages.getDialogFilters" not in house.log:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            return await succeed(self, *args)

        monkeypatch.setattr(type(house.owner), "succeed", late)
        with pytest.raises(SessionBusy, match="under way"):
            await renewed(house)
        assert house.authorization is before
        await slow[0]
        assert (await client.get_me()).id == house.ada.id


async def test_somebody_met_in_the_last_moment_can_be_answered(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    carol = house.telegram.add_account("9996623333", first_name="Carol")
    async with house.program() as client:
        ear = Ear(client)
        await client(ME)
        succeed = type(house.owner).succeed

        async def late(self: Any, *args: Any) -> Any:
            house.writes(carol, "hello, here is Carol")
            await until(ear, 1)
            return await succeed(self, *args)

        monkeypatch.setattr(type(house.owner), "succeed", late)
        found = await renewed(house)
        assert not found.lost
        assert (await client.send_message(carol.id, "hello Carol")).id


async def test_ten_renewals_in_a_row(house: House) -> None:
    async with house.program() as client:
        for _ in range(10):
            await renewed(house)
            assert (await client.get_me()).id == house.ada.id
    assert len(house.telegram.authorizations(house.ada)) == 1
