"""What must not be carried out twice, whatever is lost: a connection, an answer, the owner, the disk."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from telethon import errors, functions, types

from gateway.house import House
from telekeep.errors import DiskFull
from telekeep.gateway.shelf import Shelf
from telekeep.upstream.owned import OwnedClient
from upstream.place import until

CREATE = "messages.createChat"


def titles(house: House) -> list[str]:
    return sorted(chat.title for chat in house.telegram.world.chats.values() if chat.title != "Friends")


async def creating(client: Any, *names: str) -> list[asyncio.Task[Any]]:
    users = [await client.get_input_entity("bob")]
    return [asyncio.create_task(client(functions.messages.CreateChatRequest(users, name))) for name in names]


async def test_two_equal_calls_that_a_program_sends_again_are_two_and_not_three(house: House) -> None:
    house.bob()
    async with house.behind() as (session, wire), house.stock(session) as client:
        house.telegram.fault("delay", method=CREATE, seconds=0.4, times=2)
        both = await creating(client, "twin", "twin")
        await until(lambda: house.log.count(CREATE) == 2)
        await wire.cut()
        await wire.mend()
        assert all(isinstance(each, types.messages.InvitedUsers) for each in await asyncio.gather(*both))
    assert titles(house) == ["twin", "twin"]


async def test_a_call_that_outlasts_the_owners_grace_is_in_doubt_and_not_repeated(house: House) -> None:
    house.bob()
    client = house.stock(connection_retries=None)
    await client.connect()
    house.telegram.fault("delay", method=CREATE, seconds=30)
    (call,) = await creating(client, "once")
    await until(lambda: CREATE in house.log)
    await house.close(grace=0.2)
    await house.open()
    with pytest.raises(errors.BadRequestError, match="MAYBE_DONE"):
        await call
    assert house.log.count(CREATE) == 1


async def test_what_waits_for_another_call_ends_with_its_loan(house: House) -> None:
    """invokeAfterMsg: it was parked behind a slow one, and the loan was revoked before that had its answer."""
    loan = house.lend()
    async with await house.raw(loan) as client:
        house.telegram.fault("delay", method="users.getUsers", seconds=0.4)
        first = await client.say(functions.users.GetUsersRequest([types.InputUserSelf()]))
        text = functions.messages.SendMessageRequest(types.InputPeerSelf(), "after the end", random_id=7)
        await client.say(functions.InvokeAfterMsgRequest(first, text))
        await until(lambda: "users.getUsers" in house.log)
        house.owner.end_loan(loan.id, "revoked")
        await until(lambda: not house.owner._forwarding.under_way)
    async with house.stock() as other:
        await other.get_me()
    assert "messages.sendMessage" not in house.log


async def test_a_long_chain_of_calls_is_answered_to_its_end(house: House) -> None:
    async with await house.raw() as client:
        house.telegram.fault("delay", method="users.getUsers", seconds=0.2)
        before = await client.say(functions.users.GetUsersRequest([types.InputUserSelf()]))
        for _ in range(400):
            before = await client.say(functions.InvokeAfterMsgRequest(before, functions.help.GetConfigRequest()))
        assert await client.result(before)


async def test_a_loan_that_was_revoked_while_its_session_was_being_opened_opens_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = house.lend()
    await house.close()
    connect = OwnedClient.connect

    async def slowly(client: Any) -> None:
        await connect(client)
        shelf = Shelf(house.keeper.vault, "main", 0)
        shelf.keep(loan.ended("revoked", 1.0))  # by a daemon that knows of no owner yet

    monkeypatch.setattr(OwnedClient, "connect", slowly)
    await house.open()
    with pytest.raises(errors.BadRequestError, match="LOAN_REVOKED"):
        await house.stock(loan).connect()


async def test_a_full_disk_keeps_no_loan_open(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    loan = house.lend()
    keep = Shelf.keep

    def refuse(*_: Any) -> None:
        raise DiskFull("There is no room.")

    async with house.stock(loan) as client:
        await client.get_me()
        monkeypatch.setattr(Shelf, "keep", refuse)
        with pytest.raises(DiskFull):
            house.owner.end_loan(loan.id, "revoked")
        await until(lambda: not house.owner.borrowers())
    with pytest.raises(errors.BadRequestError, match="LOAN_REVOKED"):
        await house.stock(loan).connect()
    monkeypatch.setattr(Shelf, "keep", keep)
    await until(lambda: Shelf(house.keeper.vault, "main", 0).loans()[0].ended_at is not None)


async def test_a_full_disk_refuses_what_could_be_carried_out_twice_and_nothing_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.bob()
    async with house.stock() as client:

        def refuse(*_: Any) -> None:
            raise DiskFull("There is no room.")

        monkeypatch.setattr(Shelf, "begin", refuse)
        (call,) = await creating(client, "never")
        with pytest.raises(errors.BadRequestError, match="TELEKEEP_DISKFULL"):
            await call
        assert (await client.get_me()).id == house.ada.id
    assert CREATE not in house.log


async def test_a_thousand_answers_that_nobody_reads_are_not_asked_for_again(house: House) -> None:
    """More than are kept for one loan: the oldest are in doubt then, and none of them is carried out twice."""
    client = await house.raw()
    count = 1100
    wanted = [functions.messages.DeleteMessagesRequest([number]) for number in range(1, count + 1)]
    for request in wanted:
        await client.say(request)
    await until(lambda: house.log.count("messages.deleteMessages") == count)
    await client.close()
    await until(lambda: not house.owner.borrowers())
    house.owner._forwarding.tidy()
    again = await house.raw(next(iter(house.owner.register.loans.values())))
    for request in wanted:
        await again.say(request)
    assert await again.result(await again.say(functions.help.GetConfigRequest()))
    assert house.log.count("messages.deleteMessages") == count
    await again.close()
