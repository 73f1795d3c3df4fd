"""What programs of older releases begin with, up to where the gateway reads it."""

from __future__ import annotations

import random
import struct

import pytest

from gateway.layers.objects import Objects
from gateway.layers.words import Words
from telekeep.gateway.asked import Asked, Refused, asked
from telekeep.gateway.layers import Untranslatable, translator
from telekeep.gateway.layers.covered import USUAL
from telekeep.gateway.layers.node import Value
from telekeep.gateway.layers.table import table
from telekeep.mtproto.schema import LAYER


def taken(layer: int, request: bytes) -> Asked:
    there = translator(layer)
    assert there is not None
    return asked(there.up(request))


@pytest.mark.parametrize("layer", [149, 181, 199])
def test_a_program_signs_on(layer: int) -> None:
    say = Words(layer)
    said: dict[str, Value] = {"device_model": "PC", "app_version": "1.26.1", "system_version": "5"}
    said |= dict.fromkeys(("system_lang_code", "lang_pack", "lang_code"), "en")
    initial = say("initConnection", api_id=1, query=say("help.getConfig"), **said)
    found = taken(layer, say("invokeWithLayer", layer=layer, query=initial))
    assert (found.method, found.layer, found.initial) == ("help.getConfig", LAYER, True)
    assert found.application is not None and found.application.app_version == "1.26.1"


def test_it_replies_within_a_takeout() -> None:
    say = Words(149)
    sent = say("messages.sendMessage", peer=say("inputPeerSelf"), message="x", random_id=5, reply_to_msg_id=3)
    found = taken(149, say("invokeWithTakeout", takeout_id=1, query=sent))
    assert found.wrappers == ("invokeWithTakeout",)
    assert found.request.reply_to.reply_to_msg_id == 3


def test_what_is_packed_within_is_refused_by_somebody() -> None:
    say = Words(149)
    packed = struct.pack("<I", 0x3072CFA1) + b"\x0c\x1f\x8b" + bytes(10)
    with pytest.raises((Refused, ValueError)):
        taken(149, say("invokeWithoutUpdates", query=packed))


@pytest.mark.parametrize("layer", [149, 160, 166, 181, 193, 199, 201, 214, 216, 224])
def test_whatever_the_usual_requests_say_is_read_by_the_gateway(layer: int) -> None:
    """The gateway writes a request again and wants the very same bytes: so Telethon agrees with the tables."""
    if layer == LAYER:
        pytest.skip("nothing is translated")
    schema = table(layer)
    objects = Objects(schema, random.Random(layer), depth=2, rare=0.2, without="messageMediaEmpty")
    there = translator(layer)
    assert there is not None
    for method in USUAL:
        if method in schema.functions:
            for _ in range(5):
                try:
                    request = there.up(objects.word(schema.functions[method]))
                except Untranslatable:
                    continue
                assert asked(request).method == there.own_name(method)
