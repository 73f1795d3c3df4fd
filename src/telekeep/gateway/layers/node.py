"""One object taken apart, and objects put together: for the rules that are written by hand."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from telekeep.gateway.layers.errors import Malformed, Untranslatable
from telekeep.gateway.layers.reading import (
    FALSE,
    TRUE,
    VECTOR,
    Bounds,
    Lazy,
    Reader,
    known_bits,
    packed,
    text_at,
)
from telekeep.gateway.layers.table import Table, Word

_UNSIGNED: Final = struct.Struct("<I")
_NUMBERS: Final = {"int": struct.Struct("<i"), "long": struct.Struct("<q"), "double": struct.Struct("<d")}

Value = bool | int | float | str | bytes | Sequence[bytes] | None
Convert = Callable[[bytes, int, Bounds], tuple[bytes, int]]


class Loom(Protocol):
    """What rules may use of `telekeep.gateway.layers.loom.Loom`."""

    source: Table
    target: Table
    strict: bool
    reader: Reader
    make: Maker

    def is_same(self, kind: str, other: str) -> bool: ...
    def convert(self, kind: str, other: str, name: str = "") -> Convert: ...
    def boxed(self, kind: str, other: str) -> Lazy | None: ...
    def of_type(self, kind: str, other: str) -> Lazy: ...


class Node:
    """An object of the source's layer. Its fields are not looked into; ``end`` is the place behind it.

    ``p``: the place behind the constructor's id. A field that is not there is None, or False for a flag.
    """

    __slots__ = ("_at", "_bounds", "_data", "_loom", "end", "word")

    def __init__(self, loom: Loom, word: Word, data: bytes, p: int, bounds: Bounds) -> None:
        self.word = word
        self._loom = loom
        self._data = data
        self._bounds = bounds
        self._at: dict[str, tuple[int, int] | bool] = {}
        flags: dict[str, int] = {}
        reader = loom.reader
        for field in word.fields.values():
            if field.kind == "#":
                flags[field.name] = _flags(reader, word, field.name, data, p)
                p += 4
                continue
            there = field.flags is None or bool(flags[field.flags] >> field.bit & 1)
            if field.kind == "true":
                self._at[field.name] = there
            elif there:
                begin, p = p, reader.kind(field.kind)(data, p, bounds)
                self._at[field.name] = (begin, p)
        self.end = p

    def has(self, name: str) -> bool:
        """Whether a field is there; whether a flag is set."""
        return bool(self._at.get(name, False))

    def raw(self, name: str) -> bytes:
        """A field as it stands."""
        place = self._at[name]
        assert isinstance(place, tuple)
        return self._data[place[0] : place[1]]

    def number(self, name: str) -> Any:
        """A number, or a Bool; None if it is not there."""
        if not self.has(name):
            return None
        raw = self.raw(name)
        kind = self.word.fields[name].kind
        return raw == TRUE if kind == "Bool" else _NUMBERS[kind].unpack(raw)[0]

    def data(self, name: str) -> bytes | None:
        """What a string or bytes holds; None if it is not there."""
        return text_at(self.raw(name), 0) if self.has(name) else None

    def to(self, name: str, kind: str) -> bytes | None:
        """A field as ``kind`` of the other layer; None if it is not there. Raises Untranslatable."""
        place = self._at.get(name)
        if not isinstance(place, tuple):
            return None
        convert = self._loom.convert(self.word.fields[name].kind, kind, f"{self.word.name}.{name}")
        depth = self._bounds.depth
        try:
            return convert(self._data, place[0], self._bounds)[0]
        except Untranslatable:
            self._bounds.depth = depth
            raise

    def child(self, name: str) -> Node | None:
        """The object in a field; None if it is not there."""
        place = self._at.get(name)
        if not isinstance(place, tuple):
            return None
        return self._node(place[0], self.word.fields[name].kind)

    def children(self, name: str) -> list[Node]:
        """The objects in a vector."""
        place = self._at.get(name)
        found: list[Node] = []
        if isinstance(place, tuple):
            kind = self.word.fields[name].kind[7:-1]
            p = place[0] + 8
            while p < place[1]:
                found.append(self._node(p, kind))
                p = found[-1].end
        return found

    def _node(self, p: int, kind: str) -> Node:
        word = self._loom.reader.word_of(kind, self._data[p : p + 4])
        return Node(self._loom, word, self._data, p + 4, self._bounds)


def _flags(reader: Reader, word: Word, name: str, data: bytes, p: int) -> int:
    found: int = _UNSIGNED.unpack_from(data, p)[0]
    if reader.strict and found & ~known_bits(word, name):
        raise Malformed("flags")
    return found


class Maker:
    """Writes objects of a layer. ``strict``: a value for a field that the layer does not have is Untranslatable."""

    def __init__(self, schema: Table, strict: bool) -> None:
        self.table = schema
        self._strict = strict

    def knows(self, name: str) -> bool:
        """Whether there is such a constructor."""
        return name in self.table.types

    def __call__(self, name: str, **values: Value) -> bytes:
        """A constructor by its name. Raises Untranslatable if the layer lacks it, or a field that must be there."""
        word = self.table.types.get(name)
        if word is None:
            raise Untranslatable(name)
        return self.word(word, values)

    def carried(self, name: str, *nodes: Node, **values: Value) -> bytes:
        """A constructor with the fields that ``nodes`` have by the same names, and ``values``. Raises Untranslatable:
        also, where nothing may be lost, for a field that it does not have."""
        word = self.table.types.get(name)
        if word is None:
            raise Untranslatable(nodes[0].word.name)
        for node in nodes:
            for field in node.word.fields.values():
                if field.kind == "#" or field.name in values or not node.has(field.name):
                    continue
                there = word.fields.get(field.name)
                if there is None:
                    if self._strict:
                        raise Untranslatable(f"{node.word.name}.{field.name}")
                else:
                    values[field.name] = True if field.kind == "true" else node.to(field.name, there.kind)
        return self.word(word, values)

    def word(self, word: Word, values: dict[str, Value]) -> bytes:
        """A constructor or method. Values may be numbers and strings, or bytes that are TL already."""
        if self._strict:
            for name, value in values.items():
                if name not in word.fields and value is not None and value is not False:
                    raise Untranslatable(f"{word.name}.{name}")
        bits = dict.fromkeys((field.name for field in word.fields.values() if field.kind == "#"), 0)
        parts: list[bytes] = []
        places: dict[str, int] = {}
        for field in word.fields.values():
            if field.kind == "#":
                places[field.name] = len(parts)
                parts.append(b"")
                continue
            value = values.get(field.name)
            if field.kind != "true" and value is not None:
                try:
                    parts.append(written(field.kind, value))
                except struct.error:  # a number too large
                    raise Untranslatable(f"{word.name}.{field.name}") from None
            elif field.flags is None:
                raise Untranslatable(f"{word.name}.{field.name}")
            elif not value:
                continue
            if field.flags:
                bits[field.flags] |= 1 << field.bit
        for name, place in places.items():
            parts[place] = _UNSIGNED.pack(bits[name])
        return word.id + b"".join(parts)


def written(kind: str, value: Value) -> bytes:
    """A value as TL of ``kind``; bytes are taken to be so already."""
    if isinstance(value, bytes):
        return value
    if kind == "Bool":
        return TRUE if value else FALSE
    if isinstance(value, str):
        return packed(value.encode())
    if isinstance(value, int | float):
        return _NUMBERS[kind].pack(value)
    assert value is not None
    items = list(value)
    return VECTOR + len(items).to_bytes(4, "little") + b"".join(items)
