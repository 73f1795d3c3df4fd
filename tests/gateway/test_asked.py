"""What is taken for a request, and what is refused before anybody looks at what it asks."""

from __future__ import annotations

import gzip
import itertools
import struct
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.requests import WRAPPERS, example, request_classes, wrapped
from telekeep.gateway.asked import LARGEST, Application, Refused, asked
from telekeep.mtproto.schema import GZIP_PACKED, LAYER, VECTOR, SchemaError, TLObject, functions, read, types

PLAIN = functions.messages.GetHistoryRequest(types.InputPeerUser(5, 6), 0, None, 0, 100, 0, 0, 0)
STRIPPED = sorted(set(wrapped(PLAIN)) - {"invokeWithTakeout", "invokeWithMessagesRange"})


def refusal(body: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        asked(body)
    return caught.value


def packed(data: bytes) -> bytes:
    return struct.pack("<I", GZIP_PACKED) + TLObject.serialize_bytes(gzip.compress(data))


# ---- what passes


def test_a_plain_request_is_its_own_leaf() -> None:
    found = asked(bytes(PLAIN))
    assert (bytes(found.request), found.method, found.body) == (bytes(PLAIN), "messages.getHistory", bytes(PLAIN))
    assert (found.layer, found.initial, found.application, found.wants_updates) == (None, False, None, True)
    assert (found.after, found.wrappers) == ((), ())


def readable(request: Any) -> bool:
    """Whether Telethon can write and read it: of two fields that share a flag, a made-up request may have one."""
    try:
        return read(bytes(request)) is not None
    except (AssertionError, SchemaError):
        return False


def test_every_request_of_the_schema_is_written_again_as_it_came() -> None:
    """Were there one that is not, no borrower could ever send it."""
    untried = []
    for kind in request_classes():
        if kind.__name__ in WRAPPERS:
            continue
        examples = [example(kind), example(kind, share=1), *(example(kind, seed=n, share=0.5) for n in range(4))]
        bodies = [bytes(each) for each in examples if readable(each)]
        assert [asked(body).body for body in bodies] == bodies
        if len(bodies) < 2:
            untried.append(kind.__name__)
    assert untried == []


@pytest.mark.parametrize("wrapper", STRIPPED)
def test_a_wrapper_that_speaks_of_the_borrowers_own_connection_is_not_sent_on(wrapper: str) -> None:
    found = asked(bytes(wrapped(PLAIN)[wrapper]))
    assert (found.body, found.method, found.wrappers) == (bytes(PLAIN), "messages.getHistory", (wrapper,))


@pytest.mark.parametrize("wrapper", ["invokeWithTakeout", "invokeWithMessagesRange"])
def test_what_belongs_to_a_takeout_is_sent_on(wrapper: str) -> None:
    body = bytes(wrapped(PLAIN)[wrapper])
    assert asked(body).body == body


def test_a_takeout_is_kept_and_all_around_it_goes() -> None:
    kept = functions.InvokeWithTakeoutRequest(
        7, functions.InvokeWithMessagesRangeRequest(types.MessageRange(1, 9), PLAIN)
    )
    between = functions.InvokeWithTakeoutRequest(7, functions.InvokeWithoutUpdatesRequest(kept.query))
    found = asked(bytes(functions.InvokeWithLayerRequest(LAYER, functions.InvokeAfterMsgRequest(9, between))))
    assert found.body == bytes(kept)
    assert found.wrappers == (
        "invokeWithLayer",
        "invokeAfterMsg",
        "invokeWithTakeout",
        "invokeWithoutUpdates",
        "invokeWithMessagesRange",
    )


def test_what_the_wrappers_say_is_told() -> None:
    inside = wrapped(wrapped(wrapped(PLAIN)["invokeAfterMsgs"])["invokeAfterMsg"])["initConnection"]
    found = asked(bytes(functions.InvokeWithLayerRequest(LAYER, functions.InvokeWithoutUpdatesRequest(inside))))
    assert (found.layer, found.initial, found.wants_updates) == (LAYER, True, False)
    assert found.application == Application("a lathe", "2.0")
    assert found.after == (1 << 62, 1 << 62, 4)


def test_a_leaf_that_was_changed_is_written_anew_within_its_takeout() -> None:
    found = asked(bytes(functions.InvokeWithTakeoutRequest(7, functions.InvokeWithoutUpdatesRequest(PLAIN))))
    found.request.peer.access_hash = 1234
    found.repack()
    changed = functions.messages.GetHistoryRequest(types.InputPeerUser(5, 1234), 0, None, 0, 100, 0, 0, 0)
    assert found.body == bytes(functions.InvokeWithTakeoutRequest(7, changed))


def test_a_file_may_hold_whatever_it_holds() -> None:
    """Also what looks like a packed object, or like one that is too large to unpack."""
    part = bytes(functions.upload.SaveFilePartRequest(1, 0, packed(bytes(1 << 20)) * 4))
    assert asked(part).body == part


# ---- what does not


@pytest.mark.parametrize("left_over", [b"\0", bytes(4), bytes(PLAIN)])
def test_bytes_left_over_are_refused(left_over: bytes) -> None:
    assert refusal(bytes(PLAIN) + left_over).message == "INPUT_FETCH_FAIL"


def test_flag_bits_that_nobody_knows_are_refused() -> None:
    body = bytes(functions.messages.SendMessageRequest(types.InputPeerSelf(), "a", random_id=1))
    known = int.from_bytes(body[4:8], "little")
    for bit in (3, 28, 31):
        refused = refusal(body[:4] + struct.pack("<I", known | 1 << bit) + body[8:])
        assert (refused.code, refused.message) == (400, "INPUT_FETCH_FAIL")


def test_text_that_is_no_utf_8_is_refused() -> None:
    body = bytes(functions.contacts.ResolveUsernameRequest("durov"))
    assert b"durov" in body
    assert refusal(body.replace(b"durov", b"dur\xffv")).message == "INPUT_FETCH_FAIL"
    assert refusal(body.replace(b"durov", b"\xed\xa0\x80ov")).message == "INPUT_FETCH_FAIL"


@pytest.mark.parametrize("wrapper", sorted(wrapped(PLAIN)))
def test_a_packed_request_inside_a_wrapper_is_refused(wrapper: str) -> None:
    """The way a log out came past the first gateway of this kind."""
    log_out = bytes(functions.auth.LogOutRequest())
    around = bytes(wrapped(functions.auth.LogOutRequest())[wrapper])
    for inner in (packed(log_out), packed(packed(log_out))):
        assert refusal(around.replace(log_out, inner)).code == 400
        assert refusal(inner).code == 400


def test_a_packed_peer_inside_a_request_is_refused() -> None:
    body = bytes(PLAIN).replace(bytes(PLAIN.peer), packed(bytes(PLAIN.peer)))
    assert refusal(body).code == 400


@pytest.mark.parametrize("body", [b"", b"\0", b"\0\0\0", bytes(4), b"\xff" * 400])
def test_noise_is_refused(body: bytes) -> None:
    assert refusal(body).code == 400


def test_a_constructor_nobody_knows_is_named() -> None:
    assert refusal(struct.pack("<I", 0xDEADBEEF)).message == "INPUT_CONSTRUCTOR_INVALID_DEADBEEF"


NO_REQUESTS = {
    "a type": bytes(types.InputPeerSelf()),
    "true": struct.pack("<I", 0x997275B5),
    "an empty vector": struct.pack("<Ii", VECTOR, 0),
    "a vector of requests": struct.pack("<Ii", VECTOR, 1) + bytes(PLAIN),
    "a container": struct.pack("<IiqiI", 0x73F1F8DC, 1, 1, 1, len(bytes(PLAIN))) + bytes(PLAIN),
    "a result": struct.pack("<Iq", 0xF35C6D01, 1) + bytes(PLAIN),
    "an error": bytes(types.RpcError(400, "NO")),
}


@pytest.mark.parametrize("what", NO_REQUESTS)
def test_what_is_no_request_is_refused_bare_and_in_every_wrapper(what: str) -> None:
    assert refusal(NO_REQUESTS[what]).code == 400
    for wrapper in wrapped(PLAIN).values():
        body = bytes(wrapper).replace(bytes(PLAIN), NO_REQUESTS[what])
        assert refusal(body).code == 400


@pytest.mark.parametrize("inside", ["true", "an empty vector", "a vector of requests"])
def test_what_is_no_object_is_refused_in_the_place_of_one(inside: str) -> None:
    body = bytes(PLAIN).replace(bytes(PLAIN.peer), NO_REQUESTS[inside])
    assert refusal(body).code == 400


def test_five_thousand_levels_are_refused() -> None:
    layers = struct.pack("<I", functions.InvokeWithoutUpdatesRequest.CONSTRUCTOR_ID) * 5000
    peers = struct.pack("<I", types.InputDialogPeer.CONSTRUCTOR_ID) * 5000
    vectors = struct.pack("<Ii", VECTOR, 1) * 5000
    for deep in (layers, peers, vectors):
        assert refusal(deep + bytes(PLAIN)).code == 400
        assert refusal(bytes(PLAIN).replace(bytes(PLAIN.peer), deep + bytes(types.InputPeerSelf()))).code == 400


def test_more_wrappers_than_anybody_needs_are_refused() -> None:
    request: Any = PLAIN
    for number in range(17):
        request = functions.InvokeAfterMsgRequest(number, request)
    assert refusal(bytes(request)).message == "INPUT_REQUEST_TOO_DEEP"
    assert asked(bytes(request.query)).after == tuple(range(15, -1, -1))


def test_a_wrapper_that_says_two_things_is_refused() -> None:
    """Which takeout was meant, which layer? Nobody guesses."""
    for first, second in itertools.product(wrapped(PLAIN), repeat=2):
        if first == second and not first.startswith("invokeAfterMsg"):
            assert refusal(bytes(wrapped(wrapped(PLAIN)[first])[second])).code == 400


def bombs() -> dict[str, bytes]:
    count = (1 << 22) - 8  # just within what may be inflated
    many = struct.pack("<Ii", VECTOR, count) + struct.pack("<I", 0x997275B5) * count
    small = packed(many)
    users = bytes(functions.users.GetUsersRequest([types.InputUserSelf()]))
    return {
        "bare": small,
        "in a bomb": packed(small),
        "as a query": struct.pack("<I", functions.InvokeWithoutUpdatesRequest.CONSTRUCTOR_ID) + small,
        "as a user": users.replace(bytes(types.InputUserSelf()), small),
        "many": users[:8] + struct.pack("<i", 20) + small * 20,
        "a vector that says it is long": users[:8] + struct.pack("<i", (1 << 31) - 1),
    }


@pytest.mark.parametrize("bomb", bombs().items(), ids=lambda bomb: bomb[0])
def test_a_bomb_costs_next_to_nothing(bomb: tuple[str, bytes]) -> None:
    """Inflated and parsed, one of them keeps the whole gateway busy for seconds."""

    def once() -> float:
        before = time.thread_time()
        assert refusal(bomb[1]).code == 400
        return time.thread_time() - before

    assert min(once() for _ in range(3)) < 0.2  # a garbage collection is no bomb's


def test_a_request_that_telegram_would_close_the_line_for_is_refused() -> None:
    body = bytes(functions.upload.SaveFilePartRequest(1, 0, bytes(LARGEST)))
    assert refusal(body).message == "INPUT_TOO_LONG"


def test_another_layer_is_refused_by_name_even_if_the_request_cannot_be_read() -> None:
    for layer in (LAYER - 1, LAYER + 1, 0, -1):
        body = bytes(functions.InvokeWithLayerRequest(layer, PLAIN))
        inner = bytes(functions.InvokeAfterMsgRequest(1, functions.InvokeWithLayerRequest(layer, PLAIN)))
        for each in (body, body[:8] + b"\xee" * 40, inner):
            refused = refusal(each)
            assert refused.code == 400 and refused.message.startswith("CONNECTION_LAYER_INVALID")
            assert str(LAYER) in refused.message and str(layer) in refused.message


# ---- fuzz


def only_refuses(body: bytes) -> None:
    """Nothing but Refused comes out, and whatever passes is exactly what was written."""
    try:
        found = asked(body)
    except Refused:
        return
    if not found.wrappers:
        assert found.body == body
    again = asked(found.body)
    assert again.body == found.body and again.method == found.method


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_nothing_else(body: bytes) -> None:
    only_refuses(body)


KINDS = sorted(request_classes(), key=lambda kind: kind.CONSTRUCTOR_ID)


@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 99),
    at=st.floats(0, 1, exclude_max=True),
    put=st.one_of(
        st.binary(max_size=12),
        st.sampled_from(KINDS).map(lambda kind: struct.pack("<I", kind.CONSTRUCTOR_ID)),
        st.sampled_from(sorted(NO_REQUESTS.values())),
    ),
    cut=st.integers(0, 12),
)
def test_spoiled_requests_are_refused_or_exactly_what_they_say(
    kind: Any, seed: int, at: float, put: bytes, cut: int
) -> None:
    try:
        body = bytes(example(kind, seed=seed, share=0.5))
    except AssertionError:
        return
    place = int(at * len(body)) & ~3
    only_refuses(body[:place] + put + body[place + cut :])


def test_a_request_of_very_many_small_objects_is_refused_before_it_keeps_the_others_waiting() -> None:
    request = functions.users.GetUsersRequest([types.InputUserSelf()] * 100_000)
    with pytest.raises(Refused) as refused:
        asked(bytes(request))
    assert refused.value.code == 400
