"""Cutting messages out of a TCP stream, and closing on streams that cannot be cut."""

from __future__ import annotations

import struct
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.client import Gone, RawClient, Wire
from mtproto.server import Running
from telekeep.mtproto.transport import MAX_FRAME, Framing, TransportError

TRANSPORTS = ("abridged", "intermediate", "full")
MARKS = {"abridged": b"\xef", "intermediate": b"\xee" * 4, "full": b""}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_every_transport_carries_small_and_large_messages(server: Running, transport: str) -> None:
    server.served.answer = lambda body: body
    key = server.served.new_key()
    async with await RawClient.open(server.address, key, transport=transport) as client:
        await client.learn_salt()
        for size in (4, 504, 508, 4096, 200_000):
            body = b"\x01\x02\x03\x04" + bytes(size)
            assert await client.result(await client.say(body)) == body


@pytest.mark.parametrize("transport", TRANSPORTS)
@given(sizes=st.lists(st.integers(1, 600), min_size=1, max_size=6), cuts=st.lists(st.integers(1, 900)))
def test_frames_survive_any_fragmentation(transport: str, sizes: list[int], cuts: list[int]) -> None:
    wire = Wire("", 0, transport=transport)
    payloads = [bytes([number % 251]) * size * 4 for number, size in enumerate(sizes)]
    stream = MARKS[transport] + b"".join(map(wire.framed, payloads))
    framing, found = Framing(), []
    for size in [*cuts, len(stream)]:
        found += framing.feed(stream[:size])
        stream = stream[size:]
    assert found == payloads


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_server_answers_in_the_transport_of_the_client(transport: str) -> None:
    framing = Framing()
    framing.feed(MARKS[transport] + Wire("", 0, transport=transport).framed(bytes(8)))
    assert framing.frame(b"12345678") == Wire("", 0, transport=transport).framed(b"12345678")


@pytest.mark.parametrize(
    "stream",
    [
        b"\xdd" * 4,  # padded intermediate
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00\x01",  # TLS
        b"\xef\x7f\xff\xff\xff",  # abridged, 64 MiB
        b"\xef\x81",  # abridged, asking for a quick acknowledgement
        b"\xee" * 4 + struct.pack("<I", MAX_FRAME + 1),
        b"\xee" * 4 + b"\xff" * 4,
        struct.pack("<I", 12) + bytes(8),  # full, too short for its own head
    ],
)
def test_a_stream_that_cannot_be_cut_is_given_up(stream: bytes) -> None:
    with pytest.raises(TransportError):
        Framing().feed(stream)


def _full(payload: bytes, sequence: int, *, wrong: int = 0) -> bytes:
    head = struct.pack("<II", len(payload) + 12, sequence) + payload
    return head + struct.pack("<I", crc32(head) ^ wrong)


def test_a_wrong_checksum_is_given_up() -> None:
    with pytest.raises(TransportError, match="checksum"):
        Framing().feed(_full(bytes(16), 0, wrong=1))


@pytest.mark.parametrize("second", [0, 2])
def test_a_frame_out_of_sequence_is_given_up(second: int) -> None:
    framing = Framing()
    assert framing.feed(_full(bytes(16), 0)) == [bytes(16)]
    with pytest.raises(TransportError, match="due"):
        framing.feed(_full(bytes(16), second))


async def test_the_connection_is_closed_on_a_stream_that_cannot_be_cut(server: Running) -> None:
    wire = Wire(server.address.host, server.address.port, transport="full")
    await wire.open()
    wire.writer.write(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(Gone):
        await wire.read()
    await wire.close()


async def test_one_client_that_is_refused_does_not_disturb_another(server: Running, client: RawClient) -> None:
    wire = Wire(server.address.host, server.address.port)
    await wire.open()
    wire.writer.write(b"\xff" * 64)
    with pytest.raises(Gone):
        await wire.read()
    await wire.close()
    await client.ping()
