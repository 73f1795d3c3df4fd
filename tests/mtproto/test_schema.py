"""Reading TL: whole, bounded, and with one kind of error."""

from __future__ import annotations

import gzip
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telekeep.mtproto.schema import (
    GZIP_PACKED,
    LAYER,
    SchemaError,
    TLObject,
    build,
    functions,
    inflate,
    method_name,
    pack,
    read,
    read_first,
    types,
    vector,
)


def wrapped(levels: int) -> bytes:
    layer = struct.pack("<Ii", functions.InvokeWithLayerRequest.CONSTRUCTOR_ID, LAYER)
    return layer * levels + bytes(functions.help.GetConfigRequest())


def test_an_object_is_read_whole() -> None:
    request = functions.users.GetUsersRequest(id=[types.InputUserSelf()])
    assert read(bytes(request)) == request
    with pytest.raises(SchemaError, match="left over"):
        read(bytes(request) + bytes(4))
    with pytest.raises(SchemaError):
        read(bytes(request)[:-4])


def test_depth_is_bounded() -> None:
    assert read(wrapped(20)).layer == LAYER
    with pytest.raises(SchemaError, match="levels"):
        read(wrapped(5000))


def test_an_unknown_constructor_is_named() -> None:
    with pytest.raises(SchemaError) as error:
        read(struct.pack("<I", 0xDEADBEEF))
    assert error.value.constructor == 0xDEADBEEF


def test_gzip_inside_a_request_is_read_and_bounded() -> None:
    def zipped(data: bytes) -> bytes:
        return struct.pack("<I", GZIP_PACKED) + TLObject.serialize_bytes(gzip.compress(data))

    config = bytes(functions.help.GetConfigRequest())
    layer = struct.pack("<Ii", functions.InvokeWithLayerRequest.CONSTRUCTOR_ID, LAYER)
    assert isinstance(read(layer + zipped(config)).query, functions.help.GetConfigRequest)
    with pytest.raises(SchemaError, match="left over"):
        read(layer + zipped(config + bytes(4)))
    with pytest.raises(SchemaError, match="more than"):
        read(layer + zipped(bytes(64 << 20)))


def test_a_message_inside_an_object_is_refused() -> None:
    inner = struct.pack("<Iiqii", 0x73F1F8DC, 1, 4, 1, 4) + bytes(functions.help.GetConfigRequest())
    with pytest.raises(SchemaError, match="message"):
        read(struct.pack("<Ii", functions.InvokeWithLayerRequest.CONSTRUCTOR_ID, LAYER) + inner)


@given(st.binary(max_size=300))
def test_garbage_is_a_schema_error_and_nothing_else(garbage: bytes) -> None:
    try:
        read(garbage)
    except SchemaError:
        pass


@given(st.integers(0, 1000), st.integers(0, 255))
def test_a_damaged_request_is_a_schema_error_and_nothing_else(at: int, value: int) -> None:
    body = bytearray(bytes(functions.messages.SendMessageRequest(peer=types.InputPeerSelf(), message="x", random_id=1)))
    body[at % len(body)] = value
    try:
        read(bytes(body))
    except SchemaError:
        pass


def test_the_first_object_may_be_followed_by_padding() -> None:
    pong = types.Pong(msg_id=1, ping_id=2)
    assert read_first(bytes(pong) + b"padding")[1] == len(bytes(pong))


def test_results_that_are_no_objects_are_packed() -> None:
    """Fixed by the TL language: boolTrue#997275b5, boolFalse#bc799737, vector#1cb5c415."""
    assert pack(True).hex() == "b5757299"
    assert pack(False).hex() == "379779bc"
    assert pack([]).hex() == "15c4b51c00000000"
    assert vector([1, -1]).hex() == "15c4b51c02000000" + "0100000000000000" + "ff" * 8
    assert pack([types.InputUserSelf()]) == bytes.fromhex("15c4b51c01000000") + bytes(types.InputUserSelf())


@pytest.mark.parametrize(
    ("request_class", "name"),
    [
        (functions.users.GetUsersRequest, "users.getUsers"),
        (functions.PingRequest, "ping"),
        (functions.auth.SendCodeRequest, "auth.sendCode"),
    ],
)
def test_requests_have_the_names_of_the_documentation(request_class: type, name: str) -> None:
    assert method_name(request_class) == name


def test_fields_of_other_versions_are_left_out() -> None:
    assert build(types.Pong, msg_id=1, ping_id=2, from_the_future=3).ping_id == 2


@given(st.binary(max_size=4000))
def test_inflating_gives_back_what_was_packed(data: bytes) -> None:
    assert inflate(gzip.compress(data), limit=len(data)) == data
    if data:
        with pytest.raises(SchemaError):
            inflate(gzip.compress(data), limit=len(data) - 1)
