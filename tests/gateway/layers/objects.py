"""Random TL objects of a layer, made from its table."""

from __future__ import annotations

import random
import struct

from telekeep.gateway.layers.reading import FALSE, TRUE, VECTOR, packed
from telekeep.gateway.layers.table import REQUEST, Table, Word

_TEXTS = ["", "a", "äöü", "телега", "x" * 253, "y" * 254, "z" * 300]


class Objects:
    """``rare``: how often an optional field is there, 0 to 1. Deeper than ``depth`` only the shortest constructors are
    taken. ``without``: constructors that are in nothing."""

    def __init__(
        self, schema: Table, rng: random.Random, *, rare: float = 0.5, depth: int = 5, without: str = ""
    ) -> None:
        self.table = schema
        self.rng = rng
        self._rare = rare
        self._depth = depth
        self._without = without

    def of(self, kind: str, depth: int = 0, *, least: int = 0) -> bytes:
        """Something of ``kind``; a vector has ``least`` elements."""
        rng = self.rng
        if kind in ("int", "#"):
            return struct.pack("<i", rng.choice([0, 1, 5, -1, rng.randint(-(1 << 31), (1 << 31) - 1)]))
        if kind in ("long", "double"):
            return struct.pack("<q", rng.randint(0, 1 << 50)) if kind == "long" else struct.pack("<d", rng.random())
        if kind in ("int128", "int256"):
            return rng.randbytes(16 if kind == "int128" else 32)
        if kind == "string":
            return packed(rng.choice(_TEXTS).encode())
        if kind == "bytes":
            return packed(rng.randbytes(rng.choice([0, 1, 3, 253, 254, 1000])))
        if kind == "Bool":
            return rng.choice([TRUE, FALSE])
        if kind.startswith("Vector<"):
            number = max(least, rng.choice([0, 1, 2]) if depth < self._depth else 0)
            items = [self.of(kind[7:-1], depth) for _ in range(number)]
            return VECTOR + struct.pack("<I", len(items)) + b"".join(items)
        words = list(self.table.functions.values()) if kind == REQUEST else self.table.kinds[kind]
        if self._without:
            words = [word for word in words if word.name != self._without]
        if depth >= self._depth:
            words = sorted(words, key=self._size)[:1]
        return self.word(rng.choice(words), depth)

    def word(self, word: Word, depth: int = 0) -> bytes:
        """An object of this constructor, or this request."""
        rng = self.rng
        rare = self._rare if depth < self._depth else 0.0
        bits = {field.name: 0 for field in word.fields.values() if field.kind == "#"}
        for field in word.fields.values():
            if field.flags and rng.random() < rare:
                bits[field.flags] |= 1 << field.bit
        parts = [word.id]
        for field in word.fields.values():
            if field.kind == "#":
                parts.append(struct.pack("<I", bits[field.name]))
            elif (word.name, field.name) == ("invokeWithLayer", "layer"):
                parts.append(struct.pack("<i", self.table.layer))
            elif field.kind != "true" and (field.flags is None or bits[field.flags] >> field.bit & 1):
                # nobody writes an optional vector that is empty
                parts.append(self.of(field.kind, depth + 1, least=1 if field.flags else 0))
        return b"".join(parts)

    def _size(self, word: Word) -> tuple[int, int]:
        """How much an object of this constructor must hold: those that hold no objects first."""
        needed = [field for field in word.fields.values() if field.flags is None and field.has_data]
        boxed = [field for field in needed if field.kind == REQUEST or field.kind in self.table.kinds]
        return len([f for f in boxed if f.kind in self.table.recursive]) * 100 + len(boxed), len(needed)
