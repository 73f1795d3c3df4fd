"""The tables say what the releases themselves speak."""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path
from types import ModuleType

import pytest

from gateway.layers import as_telethon_has_it
from gateway.layers.objects import Objects
from telekeep.gateway.layers import served
from telekeep.gateway.layers.table import Table, Word, table
from telekeep.mtproto.schema import LAYER

HOME = Path(__file__).parents[3]
TABLES = HOME / "src/telekeep/gateway/layers/tables"
PINNED = {149: "telethon-1.26.1", 181: "telethon-1.36.0", 199: "telethon-1.39.0", 216: "telethon-1.42.0"}


def words(schema: Table) -> list[Word]:
    return [*schema.types.values(), *schema.functions.values()]


def some_of_each(schema: Table, rng: random.Random, times: int) -> dict[str, Word]:
    objects = Objects(schema, rng, without="messageMediaEmpty")  # Telethon's Message leaves it away
    return {objects.word(word).hex(): word for word in words(schema) for _ in range(times)}


@pytest.mark.parametrize("layer", served())
def test_every_id_is_the_checksum_of_its_line(layer: int) -> None:
    checksum = tool("schema_of_telethon").checksum
    wrong = [word for word in words(table(layer)) if checksum(word.text) != int.from_bytes(word.id, "little")]
    assert wrong == []


def test_the_running_telethon_reads_and_writes_what_its_table_says() -> None:
    made = some_of_each(table(LAYER), random.Random(1), 1)
    differing = as_telethon_has_it.differing(made)
    assert sorted({made[line].name for line in differing}) == []


@pytest.mark.layers
@pytest.mark.parametrize("layer", PINNED)
def test_a_pinned_release_reads_and_writes_what_its_table_says(layer: int) -> None:
    if not os.environ.get("TELEKEEP_LAYERS"):
        pytest.skip("every release only in make layers")
    made = some_of_each(table(layer), random.Random(layer), 3)
    python = HOME / ".venv/releases" / PINNED[layer] / "bin/python"
    script = Path(as_telethon_has_it.__file__)
    done = subprocess.run([python, "-I", script], input="\n".join(made), capture_output=True, text=True, timeout=60)
    said, *differing = done.stdout.split()
    assert said == str(layer)
    assert sorted({made[line].name for line in differing}) == []


@pytest.mark.judge
def test_kurigram_has_the_same_words() -> None:
    from pyrogram.raw import all as known

    schema = table(known.layer)
    theirs = {number: kind.QUALNAME for number, kind in known.objects.items() if hasattr(kind, "QUALNAME")}
    ours = {int.from_bytes(word.id, "little"): word.name for word in words(schema)}
    named = {number: theirs[number].partition(".")[2].lower() for number in ours}
    assert named == {number: name.lower() for number, name in ours.items()}


@pytest.mark.judge
def test_kurigram_reads_and_writes_what_its_table_says() -> None:
    from pyrogram.raw import all as known
    from pyrogram.raw.core import TLObject

    schema = table(known.layer)
    made = some_of_each(schema, random.Random(3), 1)
    unread = 0
    for line, word in made.items():
        try:
            again = TLObject.read(BytesIO(bytes.fromhex(line))).write()
        except (AttributeError, KeyError):
            unread += 1  # it guesses from the bytes that are left whether a vector holds objects or numbers
        else:
            assert again.hex() == line, word
    assert unread < len(made) / 20


def test_the_tables_are_small() -> None:
    sizes = [path.stat().st_size for path in TABLES.iterdir()]
    assert sum(sizes) < 550_000
    assert len(zlib.compress(b"".join(path.read_bytes() for path in TABLES.iterdir()))) < 130_000


def tool(name: str) -> ModuleType:
    """A module of tools/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, HOME / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
