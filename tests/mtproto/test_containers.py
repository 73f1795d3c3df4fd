"""Containers and gzip: cut exactly, bounded, refused as a whole or not at all."""

from __future__ import annotations

import gzip
import os
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.client import BAD_MESSAGE, CONTAINER, GZIP, RPC_RESULT, Gone, RawClient, notice
from mtproto.server import Yes
from telekeep.mtproto.messages import (
    MAX_IN_CONTAINER,
    ContainerError,
    Message,
    container,
    packed,
    portions,
    unpack_container,
)
from telekeep.mtproto.schema import TLObject, functions

REQUEST = bytes(functions.help.GetConfigRequest())


def zipped(body: bytes) -> bytes:
    return struct.pack("<I", GZIP) + TLObject.serialize_bytes(gzip.compress(body))


async def test_a_container_is_answered_in_one_frame(client: RawClient, served: Yes) -> None:
    """Many results, one container: fewer frames, fewer wake-ups of the client."""
    messages = [client.message(REQUEST) for _ in range(50)]
    await client.send(client.container(*(message for _, message in messages))[1])
    answers = [await client.expect(RPC_RESULT, answers=sent) for sent, _ in messages]
    assert len({answer.outer for answer in answers}) == 1


async def test_each_message_is_cut_at_its_own_length(client: RawClient, served: Yes) -> None:
    """A body that could be read on into its neighbour's must not: it could take another's words."""
    bodies = [b"\x11\x11\x11\x11" + bytes([number]) * 4 * number for number in range(1, 9)]
    await client.send(client.container(*(client.message(body)[1] for body in bodies))[1])
    for _ in bodies:
        await client.expect(RPC_RESULT)
    assert served.bodies == bodies


async def test_what_lies_behind_a_message_that_closes_the_line_is_as_if_it_had_not_come(
    client: RawClient, served: Yes
) -> None:
    closing, behind = client.message(REQUEST), client.message(REQUEST)
    took = served.request

    def close(line: Any, *rest: Any) -> None:
        took(line, *rest)
        line.close("enough", abort=True)

    served.request = close  # type: ignore[method-assign]
    await client.send(client.container(closing[1], behind[1])[1])
    with pytest.raises(Gone):
        await client.expect(RPC_RESULT, answers=behind[0])
    assert len(served.asked) == 1


async def refused_whole(client: RawClient, served: Yes, sent: int) -> None:
    message_id, _, code = notice(await client.expect(BAD_MESSAGE))
    assert (message_id, code) == (sent, 64)
    assert not served.asked


async def test_a_container_inside_a_container_is_code_64(client: RawClient, served: Yes) -> None:
    _, inner = client.container(client.message(REQUEST)[1])
    sent, outer = client.container(client.message(REQUEST)[1], inner)
    await client.send(outer)
    await refused_whole(client, served, sent)


async def test_a_message_newer_than_its_container_is_code_64(client: RawClient, served: Yes) -> None:
    sent, early = client.next_id(), client.message(REQUEST)[1]
    await client.send(client.container(early, message_id=sent)[1])
    await refused_whole(client, served, sent)


@pytest.mark.parametrize(
    "body",
    [
        struct.pack("<Ii", CONTAINER, 0),
        struct.pack("<Ii", CONTAINER, -1),
        struct.pack("<Ii", CONTAINER, MAX_IN_CONTAINER + 1),
        struct.pack("<Ii", CONTAINER, 2) + packed(4, 1, REQUEST),  # fewer than it says
        struct.pack("<Ii", CONTAINER, 1) + packed(4, 1, REQUEST) + bytes(4),  # more than it says
        struct.pack("<Ii", CONTAINER, 1) + struct.pack("<qii", 4, 1, 400) + REQUEST,  # a length beyond its end
        struct.pack("<Ii", CONTAINER, 1) + struct.pack("<qii", 4, 1, -4) + REQUEST,
        struct.pack("<Ii", CONTAINER, 1) + struct.pack("<qii", 4, 1, 3) + REQUEST,
    ],
)
async def test_a_container_that_does_not_hold_together_is_code_64(client: RawClient, served: Yes, body: bytes) -> None:
    sent = await client.say(body, content=False)
    await refused_whole(client, served, sent)


async def test_a_gzipped_request_is_read(client: RawClient, served: Yes) -> None:
    await client.result(await client.say(zipped(REQUEST + bytes(5000))))
    assert served.bodies == [REQUEST + bytes(5000)]


async def test_a_gzipped_acknowledgement_does_not_pass_as_a_request(client: RawClient, served: Yes) -> None:
    await client.say(zipped(bytes(functions.PingRequest(ping_id=1))), content=False)
    await client.ping()
    assert not served.asked


@pytest.mark.parametrize(
    "body",
    [
        struct.pack("<I", GZIP) + TLObject.serialize_bytes(b"no gzip at all"),
        struct.pack("<I", GZIP) + TLObject.serialize_bytes(gzip.compress(REQUEST)[:-6]),
        struct.pack("<I", GZIP) + TLObject.serialize_bytes(gzip.compress(REQUEST) + b"more"),
        zipped(bytes(64 << 20)),  # 64 MiB in 64 KiB
    ],
    ids=["not gzip", "cut short", "with a tail", "a bomb"],  # gzip writes the time into the bytes: no name for a test
)
async def test_bad_gzip_and_gzip_bombs_end_the_connection(client: RawClient, served: Yes, body: bytes) -> None:
    await client.say(body)
    assert await client.is_closed()
    assert not served.asked


async def test_long_results_are_gzipped_and_short_ones_are_not(client: RawClient, served: Yes) -> None:
    served.answer = lambda body: body
    long, short = b"\x01\x02\x03\x04" + bytes(8000), b"\x01\x02\x03\x04" + bytes(100)
    for body, is_zipped in ((long, True), (short, False)):
        sent = await client.say(body)
        answer = await client.expect(RPC_RESULT, answers=sent)
        client.inbox.append(answer)
        assert (struct.unpack_from("<I", answer.body, 12)[0] == GZIP) == is_zipped
        assert await client.result(sent) == body


async def test_more_results_than_a_container_holds_come_in_several(client: RawClient, served: Yes) -> None:
    served.answer = lambda body: b"\x01\x02\x03\x04" + os.urandom(40_000)
    messages = [client.message(REQUEST) for _ in range(60)]
    await client.send(client.container(*(message for _, message in messages))[1])
    for sent, _ in messages:
        assert len(await client.result(sent)) == 40_004


@given(st.lists(st.binary(min_size=1, max_size=40).map(lambda body: body * 4), min_size=1, max_size=30))
def test_what_is_packed_is_unpacked(bodies: list[bytes]) -> None:
    messages = [Message(number * 4, number, b"\1\2\3\4" + body) for number, body in enumerate(bodies)]
    body = container([packed(*message) for message in messages])
    assert unpack_container(Message(4 << 40, 0, body)) == messages


@given(st.binary(max_size=200))
def test_garbage_is_a_container_error_and_nothing_else(garbage: bytes) -> None:
    body = struct.pack("<I", CONTAINER) + garbage
    try:
        found = unpack_container(Message(1 << 62, 0, body))
    except ContainerError:
        return
    assert container([packed(*message) for message in found]) == body


@given(st.lists(st.integers(1, 300_000), min_size=1, max_size=20))
def test_portions_keep_every_message_in_order(sizes: list[int]) -> None:
    messages = [bytes(size) for size in sizes]
    groups = portions(messages)
    assert [each for group in groups for each in group] == messages
    assert all(len(group) == 1 or sum(map(len, group)) <= 1 << 19 for group in groups)
