"""Requests that no honest program of an older release would make."""

from __future__ import annotations

import gzip
import random
import struct

import pytest

from gateway.layers.objects import Objects
from gateway.layers.words import Words, vector
from telekeep.gateway.layers import Malformed, Untranslatable, translator
from telekeep.gateway.layers.reading import packed
from telekeep.gateway.layers.table import table

OLD = Words(149)
ASK = translator(149, 229)
assert ASK is not None
PEER = OLD("inputPeerSelf")
SEND = OLD("messages.sendMessage", peer=PEER, message="hello", random_id=7)


def refused(body: bytes) -> None:
    assert ASK is not None
    with pytest.raises(Malformed):
        ASK.up(body)


def test_an_honest_request_passes() -> None:
    assert ASK is not None
    assert Words(229).look(ASK.up(SEND)).data("message") == b"hello"


def test_every_cut_is_refused() -> None:
    for length in range(len(SEND)):
        refused(SEND[:length])


def test_bytes_left_over_are_refused() -> None:
    refused(SEND + bytes(4))
    refused(SEND + SEND)
    refused(SEND + b"\0")


def test_unknown_flags_are_refused() -> None:
    flags = struct.unpack_from("<I", SEND, 4)[0]
    for bit in range(32):
        if bit in (16, 18, 20, 21, 22, 23, 24, 25, 27, 28, 29, 30, 31):
            refused(SEND[:4] + struct.pack("<I", flags | 1 << bit) + SEND[8:])


def test_unknown_flags_are_refused_where_nothing_is_made_by_hand() -> None:
    asked = OLD("messages.getDialogs", offset_date=0, offset_id=0, offset_peer=PEER, limit=1, hash=0)
    assert ASK is not None
    assert ASK.up(asked) == asked
    for bit in range(2, 32):
        refused(asked[:4] + struct.pack("<I", 1 << bit) + asked[8:])


@pytest.mark.parametrize(
    "text",
    [
        b"\x05hell\xff\0\0",  # no UTF-8
        b"\x05hello\0\1",  # padding that says something
        b"\xfe\x05\0\0hello\0\0\0",  # a short length written the long way
        b"\xff\x05\0\0\0\0\0\0hello\0\0\0",
        b"\xfe\xff\xff\xffhello\0\0\0",
    ],
)
def test_text_that_nobody_writes_so_is_refused(text: bytes) -> None:
    refused(SEND.replace(packed(b"hello"), text))


def test_vectors_longer_than_their_data_are_refused() -> None:
    ids = OLD("messages.deleteMessages", id=[struct.pack("<i", number) for number in range(3)])
    at = ids.index(b"\x15\xc4\xb5\x1c") + 4
    for count in (4, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 32) - 1):
        refused(ids[:at] + struct.pack("<I", count) + ids[at + 4 :])


def test_more_objects_than_any_program_sends_are_refused() -> None:
    contact = OLD("inputPhoneContact", client_id=1, phone="", first_name="", last_name="")
    assert ASK is not None
    assert ASK.up(OLD("contacts.importContacts", contacts=[contact] * 5000))
    refused(OLD("contacts.importContacts", contacts=[contact] * 25_000))
    refused(OLD("contacts.deleteContacts", id=[OLD("inputUserSelf")] * 200_000))


def test_wrappers_within_wrappers_are_refused_beyond_reason() -> None:
    body = SEND
    for _ in range(60):
        body = OLD("invokeWithoutUpdates", query=body)
    assert ASK is not None
    ASK.up(body)
    for more in (10, 20_000):
        body = OLD("invokeWithoutUpdates", query=b"") * more + body
        refused(body)


@pytest.mark.parametrize("levels", [70, 5000])
def test_objects_within_objects_are_refused_beyond_reason(levels: int) -> None:
    value = OLD("jsonNull")
    for _ in range(levels):
        value = OLD("jsonArray", value=[value])
    hello = OLD("help.getNearestDc")
    said = dict.fromkeys(("device_model", "system_version", "app_version"), "x")
    said |= dict.fromkeys(("system_lang_code", "lang_pack", "lang_code"), "")
    refused(OLD("initConnection", api_id=1, params=value, query=hello, **said))


def test_packed_requests_are_refused() -> None:
    packed_request = struct.pack("<I", 0x3072CFA1) + packed(gzip.compress(SEND))
    refused(packed_request)
    refused(OLD("invokeWithoutUpdates", query=packed_request))


def test_another_layer_than_the_one_that_was_said_is_refused() -> None:
    refused(OLD("invokeWithLayer", layer=150, query=SEND))
    refused(OLD("invokeWithLayer", layer=229, query=SEND))


def test_what_is_no_request_is_refused() -> None:
    refused(b"")
    refused(PEER)
    refused(vector(PEER))
    refused(OLD("invokeWithoutUpdates", query=PEER))
    refused(Words(229)("messages.getPollResults", peer=PEER, msg_id=1, poll_hash=0))  # of the newer layer


def test_a_request_as_long_as_none_may_be_is_refused() -> None:
    refused(OLD("upload.saveFilePart", file_id=1, file_part=0, bytes=packed(bytes(1 << 20))))


def test_broken_requests_only_ever_raise_the_two() -> None:
    rng = random.Random(5)
    schema = table(149)
    objects = Objects(schema, rng, depth=3)
    assert ASK is not None
    for word in schema.functions.values():
        body = bytearray(objects.word(word))
        for _ in range(3):
            at = rng.randrange(len(body))
            body[at] = rng.choice([0, 1, 0x15, 0xFE, 0xFF, rng.randrange(256)])
            try:
                ASK.up(bytes(body))
            except (Malformed, Untranslatable):
                pass


def test_broken_results_only_ever_raise_the_two() -> None:
    rng = random.Random(6)
    objects = Objects(table(229), rng, depth=3)
    assert ASK is not None
    for _ in range(150):
        body = bytearray(objects.of("messages.Messages"))
        body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
        try:
            ASK.down("messages.getHistory", bytes(body[: rng.randrange(len(body) + 1)]))
        except (Malformed, Untranslatable):
            pass


def test_a_result_is_inflated_within_bounds() -> None:
    now = Words(229)
    state = now("updates.state", pts=1, qts=2, date=3, seq=4, unread_count=0)
    small = struct.pack("<I", 0x3072CFA1) + packed(gzip.compress(state))
    assert ASK is not None
    assert ASK.down("updates.getState", small) == state
    bomb = struct.pack("<I", 0x3072CFA1) + packed(gzip.compress(bytes(17 << 20)))
    for bad in (bomb, small[:-8], small[:4], struct.pack("<I", 0x3072CFA1) + packed(b"no gzip")):
        with pytest.raises(Malformed):
            ASK.down("updates.getState", bad)
