"""Mutations of a corpus, for every format: read or refused with a typed error, in bounded time, and never an exception
of another kind. ``TELEKEEP_FUZZ=1000000`` says how many inputs for each.
"""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator
from hashlib import md5

import pytest

from session.samples import FIXTURES, fixture_session
from telekeep.errors import TelekeepError
from telekeep.session import formats
from telekeep.session.formats import bundle
from telekeep.session.formats.bundle import Bundle

SAMPLE = fixture_session("telethon-1.45")
COUNT = int(os.environ.get("TELEKEEP_FUZZ", "400"))
CORPUS = [
    formats.read_file(path)
    for path in sorted(FIXTURES.iterdir())
    if path.suffix in (".txt", ".session") or formats.is_session_folder(path)
]
TELLING = [
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x7f\xff\xff\xff",
    b"A",
    b"=",
    b'"',
    b"[",
    b"{",
    b"-1",
    b"1e9",
]


def mutated(chance: random.Random, source: bytes) -> bytes:
    """``source`` with one to four things done to it."""
    told = bytearray(source)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(told) + 1)
        match chance.randrange(6):
            case 0 if told:
                told[min(at, len(told) - 1)] ^= 1 << chance.randrange(8)
            case 1:
                told[at : at + chance.randint(1, 8)] = chance.choice(TELLING)
            case 2:
                del told[at : at + chance.randint(1, 64)]
            case 3:
                told[at:at] = chance.randbytes(chance.randint(1, 16))
            case 4:
                other = chance.randrange(len(told) + 1)
                told[at:at] = told[other : other + chance.randint(1, 64)]
            case _:
                told[at:] = told[at : at + chance.randint(0, 4096)]
    return bytes(told)


def _inside(chance: random.Random, source: bytes) -> bytes:
    """A folder in which one file is changed, with its frame mended where it has one."""
    opened = Bundle(source)
    content = {name: opened.read(name) or b"" for name in opened.names}
    name = chance.choice(sorted(content))
    if content[name][:4] == b"TDF$":
        inner = mutated(chance, content[name][8:-16])
        version = content[name][4:8]
        digest = md5(inner + struct.pack("<I", len(inner)) + version + b"TDF$").digest()
        content[name] = b"TDF$" + version + inner + digest
    else:
        content[name] = mutated(chance, content[name])
    return bundle.pack(content)


def inputs(name: str, count: int, seed: int) -> Iterator[bytes]:
    chance = random.Random(f"{name} {seed}")
    seeds = [formats.write(SAMPLE, name), *(each for each in CORPUS if formats.recognise(each).name == name)]
    for _ in range(count):
        source = chance.choice(seeds)
        folder = formats.FORMATS[name].is_folder and chance.random() < 0.8
        yield _inside(chance, source) if folder else mutated(chance, source)


@pytest.mark.timeout(36_000 if COUNT > 10_000 else 120)
@pytest.mark.parametrize("name", formats.FORMATS)
def test_any_mutation_is_read_or_refused_with_a_typed_error(name: str) -> None:
    form = formats.FORMATS[name]
    read = 0
    for source in inputs(name, COUNT, random.randrange(1 << 30)):
        try:
            form.read(source)
            read += 1
        except TelekeepError as error:
            assert error.remedy, error
        except Exception as error:
            raise AssertionError(f"{name}: {source.hex()}") from error
    assert read < COUNT, "nothing was refused"
