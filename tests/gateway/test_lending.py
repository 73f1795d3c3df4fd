"""The life of a loan, as the programs that use it see it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
from telethon import errors, functions, types
from telethon.sessions import MemorySession

from gateway.house import Ear, House, trust
from mtproto.client import RPC_RESULT, RawClient, Refused, TransportRefusal
from telekeep.errors import LoanExpired
from telekeep.gateway import lending
from telekeep.gateway.shelf import Shelf
from upstream.place import PHONE, until


async def _refused(client: Any) -> str:
    """What a connected client's next call is told."""
    with pytest.raises(errors.BadRequestError) as told:
        await client.get_dialogs()
    return str(told.value)


async def test_answers_leave_at_once(house: House) -> None:
    """With Nagle's algorithm many small answers wait for each other: a third of the calls a second is left."""
    async with house.stock() as client:
        await client.get_me()
        (borrower,) = house.owner.borrowers()
        line = borrower.line._transport.get_extra_info("socket")
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_loan_ends_with_its_lifetime_while_a_program_uses_it(
    house: House, forward: Callable[[float], None]
) -> None:
    loan = house.lend(seconds=3600)
    async with house.stock(loan) as client, house.stock() as other:
        ears = Ear(client), Ear(other)
        assert (await client.get_me()).id == house.ada.id
        forward(3600)
        await until(lambda: house.owner.register.loans[loan.id].ended_why == "expired")
        house.arrive("not for everybody")
        await until(lambda: len(ears[1]) == 1)
        assert "LOAN_EXPIRED" in await _refused(client)
        assert len(ears[0]) == 0
        assert (await other.get_me()).id == house.ada.id


async def test_a_loan_is_refused_the_very_moment_it_has_expired(house: House, forward: Callable[[float], None]) -> None:
    async with house.stock(house.lend(seconds=3600)) as client:
        forward(3600)
        assert "LOAN_EXPIRED" in await _refused(client)


async def test_revoking_cuts_off_that_loan_and_no_other(house: House) -> None:
    loans = [house.lend(label=label) for label in ("a", "b")]
    async with house.stock(loans[0]) as one, house.stock(loans[0]) as two, house.stock(loans[1]) as other:
        ears = Ear(one), Ear(other)
        for client in (one, two, other):
            await client.get_me()
        house.owner.end_loan(loans[0].id, "revoked")
        house.arrive("after")
        await until(lambda: ears[1].texts == ["after"])
        assert "LOAN_REVOKED" in await _refused(one)
        assert "LOAN_REVOKED" in await _refused(two)
        assert len(ears[0]) == 0
        assert (await other.get_me()).id == house.ada.id


async def test_who_waits_on_an_ended_loan_is_no_user_of_the_session(house: House) -> None:
    """Stock clients connect again for ever; that must not keep a daemon from being idle, or a session from others."""
    loan = house.lend()
    async with house.stock(loan) as client:
        assert not house.owner.is_idle
        house.owner.end_loan(loan.id, "revoked")
        assert "LOAN_REVOKED" in await _refused(client)
        assert client.is_connected()
        assert house.owner.is_idle
        assert house.owner.borrowers() == []


async def test_who_goes_on_with_an_ended_loans_conversation_gets_no_answer_from_before(house: House) -> None:
    loan = house.lend()
    house.telegram.fault("delay", method="messages.getDialogs", seconds=0.3)
    async with await house.raw(loan) as client:
        await client.say(functions.messages.GetDialogsRequest(0, 0, types.InputPeerEmpty(), 20, 0))
        await until(lambda: "messages.getDialogs" in house.log)
        house.owner.end_loan(loan.id, "revoked")
        assert await client.is_closed()
    await until(lambda: not house.owner._forwarding.under_way)
    async with await house.raw(loan, begin=False, session_id=client.session_id) as again:
        again.salt = client.salt
        await again.ping()
        assert RPC_RESULT not in {each.constructor for each in again.seen}


@pytest.mark.parametrize("how", ["revoked", "expired", "logged out"])
async def test_who_comes_back_on_an_ended_loan_hears_nothing(house: House, how: str) -> None:
    """A ping alone brings a conversation back, without any request that could be refused."""
    loan = house.lend()
    client = await house.raw(loan)
    house.owner.end_loan(loan.id, how)
    assert await client.is_closed()
    await client.close()
    async with house.stock() as other:
        again = await house.raw(loan, begin=False)
        async with again:
            await again.learn_salt()
            await again.ping()
            ear = Ear(other)
            house.arrive("a secret")
            await until(lambda: len(ear) == 1)
            await again.ping()
            assert not any(b"a secret" in each.body for each in again.seen)


async def test_what_waits_at_telegram_when_a_loan_is_revoked_is_not_told(house: House) -> None:
    loan = house.lend()
    async with house.stock(loan) as client:
        house.telegram.fault("delay", method="messages.getDialogs", seconds=30)
        asking = asyncio.create_task(client.get_dialogs())
        await until(lambda: "messages.getDialogs" in house.log)
        house.owner.end_loan(loan.id, "revoked")
        with pytest.raises(errors.BadRequestError, match="LOAN_REVOKED"):
            await asking


async def test_logging_out_ends_a_programs_own_loan_only(house: House) -> None:
    loan = house.lend()
    async with house.stock() as other:
        async with house.stock(loan) as client:
            assert await client.log_out()
        assert house.owner.register.loans[loan.id].ended_why == "logged out"
        assert (await other.get_me()).id == house.ada.id
    with pytest.raises(errors.BadRequestError, match="LOAN_LOGGED_OUT"):
        await house.stock(loan).connect()
    assert "auth.logOut" not in house.log
    assert house.authorization.ended is None


async def test_an_ended_loan_is_ended_at_every_data_center(house: House) -> None:
    trust()
    loan = house.lend()
    house.telegram.send_file(PHONE, b"far away", dc=4, text="one")
    async with house.stock(loan) as client:
        (message,) = await client.get_messages((await client.get_dialogs(limit=1))[0].entity, limit=1)
        assert await message.download_media(bytes) == b"far away"
        assert len(house.owner.borrowers_of(loan)) == 2
        house.owner.end_loan(loan.id, "revoked")
        tied = [each.key for each in house.owner.register.keys_of(loan)]
        assert len(tied) == 2
    for dc in (2, 4):
        with pytest.raises(Refused, match="LOAN_REVOKED"):
            await house.raw(loan, dc=dc)
    assert all(key.loan.ended_why == "revoked" for key in house.owner.register.keys_of(loan))


async def test_a_ticket_for_another_data_center_is_good_once_and_for_its_own_loan(house: House) -> None:
    trust()
    async with await house.raw() as raw:
        ticket = await raw.call(functions.auth.ExportAuthorizationRequest(4))
        with pytest.raises(Refused, match="DC_ID_INVALID"):
            await raw.call(functions.auth.ExportAuthorizationRequest(5))
        take = functions.auth.ImportAuthorizationRequest(ticket.id, ticket.bytes)
        stranger, another = await _stranger(house), await _stranger(house)
        with pytest.raises(errors.RPCError):
            await stranger(functions.auth.ImportAuthorizationRequest(ticket.id, b"x" * 32))
        assert (await stranger(take)).user.id == house.ada.id
        assert (await stranger.get_me()).id == house.ada.id
        with pytest.raises(errors.RPCError):
            await another(take)
    assert "auth.exportAuthorization" not in house.log


async def _stranger(house: House) -> Any:
    """A stock client that has just made a key with the gateway."""
    session = MemorySession()
    home = house.owner.endpoint.home
    session.set_dc(home.id, home.host, home.port)
    client = house.stock(session)
    with pytest.raises(errors.BadRequestError, match="LOAN_NEEDED"):
        await client.connect()  # it asks who it is
    return client


async def test_a_key_that_stands_for_no_loan_can_ask_nothing(house: House) -> None:
    trust()
    asked = len(house.log)
    client = await _stranger(house)
    for request in (
        functions.users.GetUsersRequest([types.InputUserSelf()]),
        functions.updates.GetStateRequest(),
        functions.auth.ExportAuthorizationRequest(4),
        functions.auth.LogOutRequest(),
        functions.messages.GetDialogsRequest(0, 0, types.InputPeerEmpty(), 20, 0),
        functions.auth.SendCodeRequest(PHONE, 1, "0" * 32, types.CodeSettings()),
    ):
        with pytest.raises(errors.RPCError):
            await client(request)
    await client(functions.help.GetConfigRequest())
    home = house.owner.endpoint.home
    async with await RawClient.open(home, client.session.auth_key.key) as raw, house.stock() as other:
        await raw.learn_salt()
        await raw.ping()
        ear = Ear(other)
        house.arrive("a secret")
        await until(lambda: len(ear) == 1)
        await raw.ping()
        assert not any(b"a secret" in each.body for each in raw.seen)
    assert set(house.log[asked:]) <= {"users.getUsers", "updates.getState"}  # the other program's


async def test_a_loan_works_again_on_the_same_port_when_its_owner_is_back(house: House) -> None:
    open_one, ended, short = house.lend(), house.lend(), house.lend(seconds=0.01)
    strings = {name: house.string(each) for name, each in [("open", open_one), ("ended", ended), ("short", short)]}
    before = house.owner.endpoint.addresses
    house.owner.end_loan(ended.id, "revoked")
    await house.reopen()
    assert house.owner.endpoint.addresses == before
    async with house.stock(house.session(strings["open"])) as client:
        assert (await client.get_me()).id == house.ada.id
    for name, told in [("ended", "LOAN_REVOKED"), ("short", "LOAN_EXPIRED")]:
        with pytest.raises(errors.BadRequestError, match=told):
            await house.stock(house.session(strings[name])).connect()


async def test_a_loan_means_nothing_to_telegram_itself(house: House) -> None:
    session = house.put_into(house.session(""), house.lend())
    home = house.telegram.network.first_dc
    session.set_dc(home.id, home.host, home.port)
    with pytest.raises(errors.AuthKeyNotFound):
        await house.stock(session).connect()


async def test_the_key_of_the_session_opens_no_gateway(house: House) -> None:
    real = house.place.vault.load("main").auth_key
    session = house.put_into(house.session(""), house.lend())
    session.auth_key.key = real.reveal()
    session.auth_key.key_id = real.id
    with pytest.raises((errors.AuthKeyNotFound, OSError)):
        await house.stock(session).connect()


async def test_each_loan_tells_who_uses_it(house: House) -> None:
    loan = house.lend("read-only", label="the archiver")
    async with house.stock(loan, device_model="a lathe") as client:
        await client.get_me()
        (found,) = (each for each in house.owner.status()["loans"] if each["id"] == loan.id)
        assert (found["label"], found["grant"], found["state"]) == ("the archiver", "read-only", "open")
        (borrower,) = found["borrowers"]
        assert borrower["application"] == "a lathe"
        assert borrower["calls"] >= 2
        assert borrower["lag"] == 0


async def test_a_borrowed_client_whose_loan_was_revoked_says_so_each_time(house: House) -> None:
    loan = house.lend()
    client = house.borrower(loan)
    async with client:
        house.owner.end_loan(loan.id, "revoked")
        assert "LOAN_REVOKED" in await _refused(client)
    for _ in range(2):
        with pytest.raises(LoanExpired):
            await client.connect()
        assert not client.is_connected()


async def test_a_transport_error_is_all_that_a_stranger_is_told(house: House) -> None:
    async with await house.raw(begin=False) as client:
        client.key = b"\x01" * 256
        client.key_id = b"\x01" * 8
        with pytest.raises(TransportRefusal, match="404"):
            await client.learn_salt()


async def test_of_the_loans_that_have_ended_the_newest_are_remembered(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that lends every minute does not fill the vault."""
    monkeypatch.setattr(lending, "_MOST_ENDED", 3)
    lasting = house.lend()
    made = [house.lend(label=str(number)) for number in range(6)]
    for loan in made:
        house.owner.end_loan(loan.id, "revoked")
    house.owner._lending.look_after()
    kept = [each.label for each in house.owner.loans() if each.ended_at is not None]
    assert kept == ["3", "4", "5"]
    house.owner._lending.look_after()
    stored = {each.id for each in Shelf(house.keeper.vault, "main", 0).loans()}
    assert stored == {lasting.id, *(each.id for each in made[3:])}
    async with house.stock(lasting) as client:
        assert (await client.get_me()).id == house.ada.id
