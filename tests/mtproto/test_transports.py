"""Cutting messages out of a TCP stream, and closing on streams that cannot be cut."""

from __future__ import annotations

import os
import struct
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.client import MARKS, Gone, RawClient, Wire
from mtproto.server import Running
from telekeep.mtproto.transport import MAX_FRAME, Framing, TransportError

EXACT = ("abridged", "intermediate", "full", "obfuscated abridged", "obfuscated intermediate")
TRANSPORTS = (*EXACT, "padded", "obfuscated padded")


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_every_transport_carries_small_and_large_messages(server: Running, transport: str) -> None:
    server.served.answer = lambda body: body
    key = server.served.new_key()
    async with await RawClient.open(server.address, key, transport=transport) as client:
        await client.learn_salt()
        for size in (4, 504, 508, 4096, 200_000):
            body = b"\x01\x02\x03\x04" + bytes(size)
            assert await client.result(await client.say(body)) == body


@pytest.mark.parametrize("transport", EXACT)
@given(sizes=st.lists(st.integers(1, 600), min_size=1, max_size=6), cuts=st.lists(st.integers(1, 900)))
def test_frames_survive_any_fragmentation(transport: str, sizes: list[int], cuts: list[int]) -> None:
    wire = Wire("", 0, transport=transport)
    payloads = [bytes([number % 251]) * size * 4 for number, size in enumerate(sizes)]
    stream = wire.mark + b"".join(map(wire.framed, payloads))
    framing, found = Framing(), []
    for size in [*cuts, len(stream)]:
        found += framing.feed(stream[:size])
        stream = stream[size:]
    assert found == payloads


@pytest.mark.parametrize("transport", ["abridged", "intermediate", "full"])
def test_the_server_answers_in_the_transport_of_the_client(transport: str) -> None:
    framing = Framing()
    framing.feed(MARKS[transport] + Wire("", 0, transport=transport).framed(bytes(8)))
    assert framing.frame(b"12345678") == Wire("", 0, transport=transport).framed(b"12345678")


@pytest.mark.parametrize(
    "stream",
    [
        b"PVrG" + bytes(60),
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


def test_an_obfuscated_stream_without_a_transport_underneath_is_given_up() -> None:
    header = bytes([1]) * 56 + bytes(8)  # decrypts to no tag
    with pytest.raises(TransportError, match="obfuscated or not"):
        Framing().feed(header)


def test_an_obfuscated_stream_is_recognised_only_when_its_head_is_there() -> None:
    wire = Wire("", 0, transport="obfuscated abridged")
    framing = Framing()
    assert framing.feed(wire.mark[:63]) == [] and framing.mode is None
    assert framing.feed(wire.mark[63:] + wire.framed(bytes(8))) == [bytes(8)]


def test_a_padded_frame_loses_its_padding_and_no_more() -> None:
    encrypted = os.urandom(8 + 16 + 64)
    for size in range(16):
        framing = Framing()
        frame = struct.pack("<I", len(encrypted) + size) + encrypted + os.urandom(size)
        assert framing.feed(MARKS["padded"] + frame) == [encrypted]


def test_what_an_obfuscated_server_says_is_unreadable_without_the_keys() -> None:
    wire, framing = Wire("", 0, transport="obfuscated abridged"), Framing()
    framing.feed(wire.mark)
    payload = b"plain text, plainly" * 4
    framed = framing.frame(payload)
    assert payload not in framed
    assert wire._in.update(framed)[1:] == payload


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
