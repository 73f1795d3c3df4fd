"""Peers that are broken, greedy or hostile harm only themselves: others go on working, in their turn, and the owner's
memory stays bounded.
"""

from __future__ import annotations

import asyncio
import gc
import gzip
import os
import random
import struct
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from telethon import functions, types

from gateway.house import Ear, House, gateway_key
from gateway.requests import example, methods
from mtproto.client import CONTAINER, GZIP, Gone, RawClient, Refused, TransportRefusal
from telekeep.gateway import crowd
from telekeep.gateway.register import Register
from telekeep.gateway.server import Front
from telekeep.mtproto.connection import Connection
from telekeep.mtproto.salts import Salts
from telekeep.mtproto.schema import TLObject
from telekeep.mtproto.transport import MAX_FRAME
from telekeep.session.network import Address
from upstream.own_time import own_time
from upstream.place import until


class Bystander:
    """A program that works all the while. ``slowest``: seconds its slowest call took us, whatever else the machine had
    to do.
    """

    def __init__(self, house: House) -> None:
        self.house = house
        self.slowest = 0.0
        self.calls = 0

    async def work(self, client: Any) -> None:
        while True:
            began = own_time()
            assert (await client.get_me()).id == self.house.ada.id
            self.slowest = max(self.slowest, own_time() - began)
            self.calls += 1
            await asyncio.sleep(0.005)


@asynccontextmanager
async def bystander(house: House, *, patience: float = 1.0) -> AsyncIterator[Bystander]:
    """Somebody who works and listens while the body runs, and whose calls never take ``patience`` seconds."""
    unexpected: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unexpected.append(context))
    async with house.stock() as client:
        ear, watched = Ear(client), Bystander(house)
        working = asyncio.create_task(watched.work(client))
        await until(lambda: watched.calls > 0)
        yield watched
        before = watched.calls
        house.arrive("still here")
        await until(lambda: ear.texts[-1:] == ["still here"] and watched.calls > before)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
    asyncio.get_running_loop().set_exception_handler(None)
    assert not unexpected, unexpected[:3]
    assert watched.slowest < patience


async def _poured(house: House, data: bytes, *, dc: int = 2) -> bytes:
    """What a connection is answered that sends ``data`` and then waits to be closed."""
    where = next(each for each in house.owner.endpoint.addresses if each.dc_id == dc)
    reader, writer = await asyncio.open_connection(where.host, where.port)
    try:
        writer.write(data)
        await writer.drain()
        writer.write_eof()
        return await asyncio.wait_for(reader.read(1 << 16), 30)
    except ConnectionError:
        return b""
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


FRAMES = {
    "nothing": b"",
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00" + bytes(600),
    "an empty abridged frame": b"\xef\x00",
    "an abridged frame of one word": b"\xef\x01aaaa",
    "an abridged frame of 64 MiB": b"\xef\x7f\xff\xff\xff",
    "an abridged frame with a quick ack": b"\xef\x81" + bytes(64),
    "an intermediate frame of 4 GiB": b"\xee" * 4 + b"\xff\xff\xff\xff",
    "an intermediate frame of one byte": b"\xee" * 4 + b"\x01\0\0\0a",
    "a padded frame of seven bytes": b"\xdd" * 4 + b"\x07\0\0\0abcdefg",
    "a full frame of a wrong checksum": struct.pack("<II", 20, 0) + bytes(12),
    "a full frame of no length": struct.pack("<II", 0, 0) + bytes(12),
    "a full frame that is too large": struct.pack("<II", MAX_FRAME + 1, 0) + bytes(64),
    "an unknown key": b"\xef\x12" + b"\x99" * 72,
    "a plain message cut short": b"\xef\x04" + bytes(16),
    "a plain message of impossible length": b"\xef\x06" + bytes(16) + b"\xff\xff\xff\x7f" + bytes(4),
    "a plain message of rubbish": b"\xef\x07" + bytes(16) + struct.pack("<I", 8) + b"rubbish!",
    "64 bytes of noise": bytes(random.Random(1).randbytes(64)) + bytes(64),
    "half a frame": b"\xef\x7f\xff\x00\x00" + bytes(100),
}


async def test_frames_that_are_none_close_their_own_connection_only(house: House) -> None:
    async with bystander(house):
        for dc in (2, 4):
            for name, data in FRAMES.items():
                answer = await _poured(house, data, dc=dc)
                assert len(answer) < 64, name


@settings(max_examples=60)
@given(data=some.binary(max_size=200), mark=some.sampled_from([b"\xef", b"\xee" * 4, b"\xdd" * 4, b""]))
def test_random_bytes_from_a_stranger_raise_nothing(data: bytes, mark: bytes) -> None:
    line, written = _line_without_a_socket(Register())
    line.data_received(mark + data)
    assert len(written) < 4096


def _line_without_a_socket(register: Any) -> tuple[Any, bytearray]:
    """A connection of a gateway's that is fed by hand."""
    written = bytearray()

    class Nobody:
        def __getattr__(self, _: str) -> Any:
            return lambda *_, **__: None

    class Transport(Nobody):
        def write(self, data: bytes) -> None:
            written.extend(data)

        def get_extra_info(self, _: str) -> None:
            return None

    here = Address(2, "127.0.0.1", 4711)
    line = Connection(Front(register, Nobody(), Nobody(), here, (here,), gateway_key()))
    loop = asyncio.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        line._transport, line._loop, line.is_open = Transport(), loop, True  # type: ignore[assignment]
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return line, written


async def _survived(client: RawClient) -> bool:
    """Whether its connection is still good."""
    try:
        await client.ping()
    except (Gone, TransportRefusal, ConnectionError):
        return False
    return True


async def test_rubbish_inside_good_encryption_harms_only_who_sends_it(house: House) -> None:
    """Who has a key can send anything: messages of rubbish, requests cut short or run over, containers that lie."""
    chance = random.Random(7)
    kinds = list(methods().values())
    asked = len(house.log)
    closed = 0
    async with bystander(house):
        loan = house.lend()
        client = await house.raw(loan)
        for number in range(400):
            body = _packed(chance.choice(kinds), number)
            if number % 4 == 0:
                body = chance.randbytes(4 * chance.randrange(1, 60))
            elif number % 4 == 1:
                body = body[: 4 * chance.randrange(1, len(body) // 4 + 1)]
            elif number % 4 == 2:
                at = chance.randrange(len(body))
                body = body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :]
            else:
                body += chance.randbytes(4 * chance.randrange(1, 5))
            if number % 7 == 0:
                body = struct.pack("<Ii", CONTAINER, chance.choice([-1, 0, 1, 2, 2000])) + body
            elif number % 7 == 1:
                body = struct.pack("<I", GZIP) + body
            try:
                await client.say(body)
                if number % 20 == 0:
                    await client.ping()
            except (Gone, TransportRefusal, ConnectionError):
                closed += 1
                await client.close()
                loan = house.lend()
                client = await house.raw(loan)
        await client.close()
    allowed = {name for name in house.log[asked:] if name.startswith("auth.") and name != "auth.bindTempAuthKey"}
    assert not allowed
    assert house.authorization.ended is None


def _packed(kind: Any, seed: int) -> bytes:
    try:
        return bytes(example(kind, seed=seed, share=0.4))
    except AssertionError:  # fields that only go together
        return bytes(example(kind, seed=seed))


async def test_four_bytes_that_say_gzip_close_one_connection(house: House) -> None:
    async with bystander(house):
        for body in (struct.pack("<I", GZIP), struct.pack("<IB", GZIP, 254) + bytes(3), struct.pack("<II", GZIP, 0)):
            async with await house.raw() as client:
                await client.say(body)
                assert await client.is_closed()


# ---- too much of something


def _bomb(size: int) -> bytes:
    return struct.pack("<I", GZIP) + bytes(TLObject.serialize_bytes(gzip.compress(bytes(size))))


async def test_zip_bombs_cost_the_others_no_time_and_no_memory(house: House) -> None:
    async with bystander(house) as watched:
        for size in (16 << 20, 64 << 20, 1 << 20):
            async with await house.raw() as client:
                bomb = _bomb(size)
                messages = [client.message(bomb)[1] for _ in range(min(500, 900_000 // len(bomb)))]
                with suppress(Gone, ConnectionError, TransportRefusal):
                    await client.send(client.container(*messages)[1])
                    assert await client.is_closed()
        assert watched.slowest < 1.0  # each of them inflated would take seconds


async def test_nesting_without_end_is_refused(house: House) -> None:
    history = bytes(functions.messages.GetHistoryRequest(types.InputPeerSelf(), 0, None, 0, 10, 0, 0, 0))
    after = struct.pack("<Iq", functions.InvokeAfterMsgRequest.CONSTRUCTOR_ID, 4)
    async with bystander(house), await house.raw() as client:
        for depth in (17, 100, 5000, 60_000):
            with pytest.raises(Refused) as refused:
                await client.result(await client.say(after * depth + history))
            assert refused.value.args[0] == 400
        assert await client.call(functions.help.GetNearestDcRequest())


async def test_one_that_asks_two_thousand_things_at_once_lets_the_others_have_their_turn(house: House) -> None:
    async with house.stock() as other, await house.raw() as greedy:
        house.telegram.fault("delay", method="help.getNearestDc", seconds=1.0, times=4000)
        begin = len(house.log)
        ids = []
        for _ in range(20):
            messages = [greedy.message(functions.help.GetNearestDcRequest()) for _ in range(100)]
            ids += [message_id for message_id, _ in messages]
            await greedy.send(greedy.container(*(message for _, message in messages))[1])
        await until(lambda: len(house.log) > begin)
        at = len(house.log)
        await other.get_me()
        mine = house.log.index("users.getUsers", at)
        assert mine - at <= 300  # what was under way already, and no queue of its own
        assert len(house.log) - begin < 2000
        house.telegram.clear_faults()
        for message_id in ids:
            await greedy.result(message_id)
    assert house.log[begin:].count("help.getNearestDc") == 2000


async def test_one_that_asks_and_never_reads_is_not_read_from(house: House) -> None:
    """Its answers are not queued without end."""
    data = os.urandom(512 * 1024)
    async with house.stock() as client:
        sent = await client.send_file("me", data, force_document=True)
        document = sent.media.document
    where = types.InputDocumentFileLocation(document.id, document.access_hash, document.file_reference, "")
    get = functions.upload.GetFileRequest(where, 0, 512 * 1024)
    async with bystander(house, patience=10.0), await house.raw() as deaf:
        line = next(each.line for each in house.owner.borrowers() if each.calls == 1)
        most = 0

        def measure() -> bool:
            nonlocal most
            most = max(most, line._transport.get_write_buffer_size())
            return not line.is_open

        deaf.wire.writer.transport.pause_reading()
        for _ in range(10):
            await deaf.send(deaf.container(*(deaf.message(get)[1] for _ in range(100)))[1])
        await until(measure)  # it is cut off
        assert most < 24 << 20
        await until(lambda: not house.owner._forwarding.under_way)
        assert house.log.count("upload.getFile") < 500  # what was under way; the rest is not asked any more
        deaf.wire.writer.transport.abort()


# ---- too many of something


async def test_connections_that_prove_no_key_do_not_keep_others_out(house: House) -> None:
    home = house.owner.endpoint.home
    async with bystander(house):
        silent = [await asyncio.open_connection(home.host, home.port) for _ in range(crowd.STRANGERS + 60)]
        async with house.stock() as newcomer:
            assert (await newcomer.get_me()).id == house.ada.id
        await until(lambda: sum(reader.at_eof() for reader, _ in silent) >= 50)
        assert len(house.owner._borrowers.crowd.lines()) <= crowd.STRANGERS + 4
        for _, writer in silent:
            writer.transport.abort()


async def test_one_that_connects_again_and_again_is_made_to_wait_and_nobody_else(house: House) -> None:
    loan = house.lend()
    async with bystander(house):
        rounds = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(1.5):
                while rounds < 200:
                    async with await house.raw(loan):
                        rounds += 1
        assert rounds <= 30
        began = own_time()
        async with house.stock() as newcomer:  # on another loan
            await newcomer.get_me()
        assert own_time() - began < 1


async def test_handshakes_without_end_fill_no_table(house: House) -> None:
    """Keys that stand for no loan are forgotten again, and those that do are not."""
    register, loan = house.owner.register, house.lend()
    for _ in range(500):
        register.agreed(os.urandom(256), Salts())
    tickets = [register.export(loan) for _ in range(500)]
    assert len(register._untied) <= 64
    assert len(register._exports) <= 256
    untied = next(iter(register._untied.values()))
    assert register.tie(untied, *tickets[0]) is None  # long forgotten
    assert register.tie(untied, *tickets[-1]) == loan
    async with house.stock(loan) as client:
        assert (await client.get_me()).id == house.ada.id


async def test_memory_stays_bounded_whatever_strangers_and_borrowers_do(house: House) -> None:
    async def once(number: int) -> None:
        chance = random.Random(number)
        loan = house.lend() if number % 10 == 0 else loans[0]
        loans[0] = loan
        async with await house.raw(loan) as client:
            for _ in range(20):
                await client.say(functions.messages.GetHistoryRequest(types.InputPeerSelf(), 0, None, 0, 100, 0, 0, 0))
            with suppress(Gone, ConnectionError, TransportRefusal):
                await client.say(chance.randbytes(4000))
        await _poured(house, b"\xef" + chance.randbytes(60))

    loans = [house.lend()]
    for number in range(20):
        await once(number)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(60):
            await once(number)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 4 << 20
