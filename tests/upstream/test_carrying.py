"""Requests of others on an owner's line: each gets its own answer, whichever way it takes, and the rules are kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from telethon import functions, types

from telekeep.errors import LeaseLost, MaybeDone
from telekeep.mtproto.schema import GZIP_PACKED, read
from telekeep.upstream.owned import OwnedClient
from telekeep.upstream.relay import RpcFailure
from upstream.place import PHONE, Place, Wire, until
from upstream.test_lease_lost import take_away

ME = functions.users.GetUsersRequest([types.InputUserSelf()])


@asynccontextmanager
async def owned(place: Place, **options: Any) -> AsyncIterator[OwnedClient]:
    client = place.client(kind=OwnedClient, **options)
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


def carry(client: OwnedClient, request: Any, **options: Any) -> asyncio.Future[bytes]:
    """Send a request as a gateway does. What it ends with."""
    ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def on_end(result: bytes | None, error: BaseException | None) -> None:
        if error is not None:
            ended.set_exception(error)
        else:
            assert result is not None
            ended.set_result(result)

    client.carry(bytes(request), on_end, **{"repeatable": True, **options})
    return ended


def message(number: int) -> Any:
    return functions.messages.GetMessagesRequest(id=[types.InputMessageID(number)])


def number_in(result: bytes) -> int:
    """A gateway looks at the constructor, and must not see that of gzip_packed."""
    assert result[:4] != GZIP_PACKED.to_bytes(4, "little")
    (found,) = read(result).messages
    return int(found.id)


@pytest.mark.parametrize("at_once", [True, False])
async def test_each_of_many_gets_its_own_answer(place: Place, at_once: bool) -> None:
    """250 of one turn: more than one container holds, zipped answers and plain ones."""
    place.telegram.send(to=PHONE, text="long " * 500)
    async with owned(place) as client:
        numbers = [1 + each % 4 for each in range(250)]
        answers = await asyncio.gather(*(carry(client, message(each), at_once=at_once) for each in numbers))
        assert [number_in(each) for each in answers] == numbers


async def test_one_that_fails_fails_alone_with_number_and_text(place: Place) -> None:
    async with owned(place) as client:
        place.telegram.fault("error", method="users.getUsers", code=400, message="USER_SOMETHING_NEW")
        ended = await asyncio.gather(
            carry(client, message(1)), carry(client, ME), carry(client, message(2)), return_exceptions=True
        )
        failure = ended[1]
        assert isinstance(failure, RpcFailure) and (failure.code, failure.text) == (400, "USER_SOMETHING_NEW")
        assert [number_in(each) for each in (ended[0], ended[2]) if isinstance(each, bytes)] == [1, 2]


async def test_large_and_small_ones_and_our_own_share_the_line(place: Place) -> None:
    """Large ones take Telethon's way; both ways count the same message ids and sequence numbers."""
    async with owned(place) as client:
        part = functions.upload.SaveFilePartRequest(file_id=7, file_part=0, bytes=bytes(range(256)) * 64)
        for _ in range(3):
            saved, own, small = await asyncio.gather(carry(client, part), client.get_me(), carry(client, message(3)))
            assert read_bool(saved) and own.is_self and number_in(small) == 3


def read_bool(result: bytes) -> bool:
    return result == bytes.fromhex("b5757299")


async def test_a_new_salt_is_taken_and_the_request_sent_again(place: Place) -> None:
    async with owned(place) as client:
        for _ in range(3):
            place.telegram.fault("bad-salt", method="users.getUsers")
            answer, other = await asyncio.gather(carry(client, ME), carry(client, message(2)))
            assert len(answer) > 40 and number_in(other) == 2


async def test_answers_are_acknowledged(place: Place) -> None:
    """Telegram sends again what is not, and keeps it until then."""
    async with owned(place) as client:
        for _ in range(20):
            await carry(client, ME, at_once=True)
        (authorization,) = place.telegram.authorizations(place.ada)
        (conversation,) = (each for each in authorization.conversations.values() if each.line is not None)
        await until(lambda: len(conversation._unacked) <= 2)


async def test_when_the_line_is_lost_only_what_may_be_repeated_is(place: Place, wire: Wire, log: list[str]) -> None:
    async with owned(place, retry_delay=0, connection_retries=None) as client:
        place.telegram.fault("delay", method="messages.getMessages", seconds=30, times=2)
        reading, writing = carry(client, message(1)), carry(client, message(2), repeatable=False)
        await until(lambda: log.count("messages.getMessages") == 2)
        await wire.cut()
        with pytest.raises(MaybeDone):
            await writing
        asked_meanwhile = carry(client, message(3), repeatable=False)
        await wire.mend()
        assert number_in(await reading) == 1 and number_in(await asked_meanwhile) == 3


async def test_no_byte_is_sent_once_the_lease_is_lost(place: Place) -> None:
    async with owned(place) as client:
        asked = place.telegram.stats.rpc
        take_away(place)
        with pytest.raises(LeaseLost):
            await carry(client, ME, at_once=True)
        await until(lambda: not client.is_connected())
        assert place.telegram.stats.rpc == asked


async def test_disconnecting_ends_what_has_no_answer(place: Place, wire: Wire) -> None:
    async with owned(place, retry_delay=0, connection_retries=None) as client:
        place.telegram.fault("delay", method="users.getUsers", seconds=30, times=2)
        waiting = [carry(client, ME, at_once=True), carry(client, ME)]
        await until(lambda: len(client._sender._pending_state) == 2)
        await wire.cut()
        await until(lambda: client._sender._reconnecting or not client._sender._connection._connected)
        waiting.append(carry(client, message(1)))
    ended = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 30)
    assert all(isinstance(each, (ConnectionError, asyncio.CancelledError)) for each in ended)
    assert not client._relayed
