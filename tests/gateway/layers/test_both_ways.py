"""Whatever a layer can say is translated into what the other can read, or refused by name: nothing else happens."""

from __future__ import annotations

import random

import pytest

from gateway.layers.objects import Objects
from telekeep.gateway.layers import Untranslatable, rules, served, translator
from telekeep.gateway.layers.reading import Bounds, reader
from telekeep.gateway.layers.table import REQUEST, table
from telekeep.gateway.layers.translation import Translator

PAIRS = [(layer, 229) for layer in (149, 155, 160, 166, 181, 199, 201, 216, 227)]
PAIRS += [(149, 201), (214, 201), (229, 201), (229, 216)]


def between(layer: int, own: int) -> Translator:
    found = translator(layer, own)
    assert found is not None
    return found


def is_whole(layer: int, kind: str, data: bytes) -> bool:
    return reader(layer, True).kind(kind)(data, 0, Bounds(1_000_000)) == len(data)


@pytest.mark.parametrize("layer", served())
def test_everything_a_layer_can_say_is_read_strictly(layer: int) -> None:
    schema = table(layer)
    objects = Objects(schema, random.Random(layer), depth=2)
    for word in schema.types.values():
        assert is_whole(layer, word.result, objects.word(word)), word
    for word in schema.functions.values():
        assert is_whole(layer, REQUEST, objects.word(word)), word


@pytest.mark.parametrize(("layer", "own"), PAIRS)
def test_requests_come_up_whole_or_are_refused_by_name(layer: int, own: int) -> None:
    schema, there = table(layer), between(layer, own)
    objects = Objects(schema, random.Random(own), depth=2)
    for word in schema.functions.values():
        try:
            asked = there.up(objects.word(word))
        except Untranslatable as refused:
            assert refused.name
        else:
            assert is_whole(own, REQUEST, asked), word


@pytest.mark.parametrize(("layer", "own"), PAIRS)
def test_results_come_down_whole_or_are_refused_by_name(layer: int, own: int) -> None:
    schema, ours, there = table(layer), table(own), between(layer, own)
    objects = Objects(ours, random.Random(layer), depth=2)
    for word in ours.functions.values():
        names = [name for name in (word.name, *rules.SYNONYMS.get(word.name, ())) if name in schema.functions]
        if word.result == "X" or not names:
            continue
        try:
            told = there.down(word.name, objects.of(word.result))
        except Untranslatable as refused:
            assert refused.name
        else:
            assert is_whole(layer, schema.functions[names[0]].result, told), word


@pytest.mark.parametrize(("layer", "own"), PAIRS)
def test_no_update_is_refused_at_all(layer: int, own: int) -> None:
    ours, there = table(own), between(layer, own)
    objects = Objects(ours, random.Random(layer), depth=2)
    for word in ours.kinds["Update"]:
        assert is_whole(layer, "Updates", there.update(ours.types["updateShort"].id + objects.word(word) + bytes(4)))
    for _ in range(5):
        assert is_whole(layer, "Updates", there.update(objects.of("Updates")))


def test_a_layer_without_a_table_has_no_translator() -> None:
    assert translator(150) is None
    assert translator(149, 150) is None
    assert translator(149) is translator(149)
