"""Reading TL without building anything: where each object ends.

For every constructor a function is made when it is first met. It takes the data, the place behind the constructor's id
and the `Bounds`, and gives the place behind the object. Nothing looks whether there is enough data: a place only grows,
and whoever asked looks at the end.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from telekeep.gateway.layers.errors import Malformed
from telekeep.gateway.layers.table import REQUEST, Field, Table, Word, table

VECTOR: Final = b"\x15\xc4\xb5\x1c"
TRUE: Final = b"\xb5ur\x99"
FALSE: Final = b"7\x97y\xbc"
WIDTHS: Final = {"int": 4, "long": 8, "double": 8, "int128": 16, "int256": 32, "#": 4}
_BOOLS: Final = frozenset({TRUE, FALSE})
_DEPTH: Final = 64  # objects within each other, of types that may be so; real ones have about ten
_U: Final = struct.Struct("<I").unpack_from
_ZEROS: Final = (b"", b"\0", b"\0\0", b"\0\0\0")

Skip = Callable[[bytes, int, "Bounds"], int]


class Bounds:
    """What one reading may still use up: ``objects`` in vectors, and ``depth`` so far."""

    __slots__ = ("depth", "objects")

    def __init__(self, objects: int) -> None:
        self.objects = objects
        self.depth = 0


class Lazy(dict[bytes, Any]):
    """Functions by the id of the constructor, made when first asked for."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[bytes], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, number: bytes) -> Any:
        made = self[number] = self._make(number)  # Malformed is not kept
        return made


class Code:
    """Source of a function, and the objects that it names."""

    def __init__(self, name: str) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"U": _U, "VEC": VECTOR, "Malformed": Malformed, "TRUE": TRUE, "FALSE": FALSE}
        self._name = name

    def add(self, line: str, level: int = 1) -> None:
        self.lines.append("    " * level + line)

    def name(self, thing: Any) -> str:
        """A name for an object."""
        found = f"x{len(self.names)}"
        self.names[found] = thing
        return found

    def function(self) -> Any:
        source = "def made(d, p, c):\n" + "\n".join(self.lines) + "\n"
        exec(compile(source, f"<{self._name}>", "exec"), self.names)  # made of our own tables only
        return self.names["made"]


@cache
def reader(layer: int, strict: bool) -> Reader:
    """The reader of a layer, one for all."""
    return Reader(table(layer), strict)


class Reader:
    """Reads one layer. ``strict``: as requests are read, where what a writer of TL would not write is Malformed."""

    def __init__(self, schema: Table, strict: bool) -> None:
        self.table = schema
        self.strict = strict
        self._types: dict[str, Lazy] = {}
        self._kinds: dict[str, Skip] = {}
        self._words: dict[bytes, Skip] = {}

    def of_type(self, kind: str) -> Lazy:
        """For a type: functions by the constructor's id. Asking for one that is not of the type raises Malformed."""
        found = self._types.get(kind)
        if found is None:
            found = self._types[kind] = Lazy(lambda number: self.word(self.word_of(kind, number)))
        return found

    def word_of(self, kind: str, number: bytes) -> Word:
        """The constructor of a type that has this id. Raises Malformed."""
        word = self.table.by_id.get(number)
        if word is not None:
            if kind == REQUEST:
                if self.table.functions.get(word.name) is word:
                    return word
            elif word.result == kind and self.table.types.get(word.name) is word:
                return word
        raise Malformed(f"{number[::-1].hex() or 'nothing'} is no {kind} of layer {self.table.layer}")

    def kind(self, kind: str) -> Skip:
        """A function that goes over something of any kind."""
        found = self._kinds.get(kind)
        if found is None:
            code = Code(kind)
            self.over(code, kind)
            code.add("return p")
            found = self._kinds[kind] = code.function()
        return found

    def word(self, word: Word) -> Skip:
        """A function that goes over what follows a constructor's id."""
        found = self._words.get(word.id)
        if found is None:
            code = Code(word.name)
            deeper(code, self.table, word)
            for field in word.fields.values():
                self.field(code, field, word)
            shallower(code, self.table, word)
            code.add("return p")
            found = self._words[word.id] = code.function()
        return found

    def field(self, code: Code, field: Field, word: Word) -> None:
        """Lines that go over one field; flags are kept in a variable of their name."""
        if field.kind == "#":
            code.add(f"{field.name} = U(d, p)[0]; p += 4")
            if self.strict:
                code.add(f"if {field.name} & {~known_bits(word, field.name) & 0xFFFFFFFF}: raise Malformed('flags')")
        elif field.kind != "true":
            if field.flags:
                code.add(f"if {field.flags} & {1 << field.bit}:")
            self.over(code, field.kind, 2 if field.flags else 1)

    def over(self, code: Code, kind: str, level: int = 1) -> None:
        """Lines that move ``p`` behind something of ``kind``."""
        width = WIDTHS.get(kind)
        if width:
            code.add(f"p += {width}", level)
        elif kind == "Bool":
            code.add(f"if d[p:p + 4] not in {code.name(_BOOLS)}: raise Malformed('Bool')", level)
            code.add("p += 4", level)
        elif kind in ("string", "bytes"):
            if self.strict:
                code.add(f"p = {code.name(_text if kind == 'string' else _bytes)}(d, p)", level)
            else:
                code.add("s = d[p]", level)
                code.add(_OVER_BYTES, level)
        elif kind.startswith("Vector<"):
            code.add(f"p = {code.name(self._vector(kind[7:-1]))}(d, p, c)", level)
        elif (uniform := self._uniform(kind)) is not None:
            numbers, width = uniform
            code.add(f"if d[p:p + 4] not in {code.name(numbers)}: raise Malformed({kind!r})", level)
            code.add(f"p += {width + 4}", level)
        else:
            code.add(f"p = {code.name(self.of_type(kind))}[d[p:p + 4]](d, p + 4, c)", level)

    def _uniform(self, kind: str) -> tuple[frozenset[bytes], int] | None:
        """The ids of a type whose constructors are all of one length, and that length."""
        words = self.table.kinds.get(kind, ())
        widths = {sum(WIDTHS.get(field.kind, -999) for field in word.fields.values()) for word in words}
        if len(widths) == 1 and (width := widths.pop()) >= 0 and not any("#" in w.text.split(" ", 1)[1] for w in words):
            return frozenset(word.id for word in words), width
        return None

    def _vector(self, inner: str) -> Skip:
        width = WIDTHS.get(inner)
        if width:
            return lambda d, p, c: p + 8 + count(d, p, c, width) * width
        if inner in ("string", "bytes", "Bool") or inner.startswith("Vector<"):
            return _each(self.kind(inner))
        return _each_boxed(self.of_type(inner))


_OVER_BYTES: Final = "p += s + 4 & -4 if s < 254 else int.from_bytes(d[p + 1:p + 4], 'little') + 7 & -4"


def known_bits(word: Word, flags: str) -> int:
    """The bits that a constructor uses of one of its flags."""
    bits = 0
    for field in word.fields.values():
        if field.flags == flags:
            bits |= 1 << field.bit
    return bits


def deeper(code: Code, schema: Table, word: Word) -> None:
    """Lines that count the depth, where a type may hold itself."""
    if _nests(schema, word):
        code.add("c.depth += 1")
        code.add(f"if c.depth > {_DEPTH}: raise Malformed('too deep')")


def shallower(code: Code, schema: Table, word: Word) -> None:
    if _nests(schema, word):
        code.add("c.depth -= 1")


def _nests(schema: Table, word: Word) -> bool:
    if schema.functions.get(word.name) is word:
        return any(field.kind == REQUEST for field in word.fields.values())
    return word.result in schema.recursive


def count(d: bytes, p: int, c: Bounds, width: int) -> int:
    """How many elements a vector has that begins at ``p``: no more than there is data for. Raises Malformed."""
    if d[p : p + 4] != VECTOR:
        raise Malformed("a vector was expected")
    number: int = _U(d, p + 4)[0]
    if number * width > len(d) - p - 8:
        raise Malformed("a vector longer than its data")
    c.objects -= number
    if c.objects < 0:
        raise Malformed("too many objects")
    return number


def _each(over: Skip) -> Skip:
    def vector(d: bytes, p: int, c: Bounds) -> int:
        number = count(d, p, c, 4)
        p += 8
        for _ in range(number):
            p = over(d, p, c)
        return p

    return vector


def _each_boxed(over: Lazy) -> Skip:
    def vector(d: bytes, p: int, c: Bounds) -> int:
        number = count(d, p, c, 4)
        p += 8
        for _ in range(number):
            p = over[d[p : p + 4]](d, p + 4, c)
        return p

    return vector


def _ends(d: bytes, p: int) -> tuple[int, int, int]:
    """Where a string begins and ends that stands at ``p``, and where its padding ends. Strict. Raises Malformed."""
    size = d[p]
    begin = p + 1
    if size >= 254:
        begin = p + 4
        size = int.from_bytes(d[p + 1 : begin], "little") if size == 254 else 0
        if size < 254:
            raise Malformed("a length written the long way")
    end = begin + size
    behind = end + 3 & -4
    if d[end:behind] != _ZEROS[behind - end] or behind > len(d):
        raise Malformed("padding, or data that ends too early")
    return begin, end, behind


def _bytes(d: bytes, p: int) -> int:
    return _ends(d, p)[2]


def _text(d: bytes, p: int) -> int:
    begin, end, behind = _ends(d, p)
    str(d[begin:end], "utf-8")
    return behind


def text_at(d: bytes, p: int) -> bytes:
    """What a string or bytes that stands at ``p`` holds."""
    size = d[p]
    if size < 254:
        return d[p + 1 : p + 1 + size]
    return d[p + 4 : p + 4 + int.from_bytes(d[p + 1 : p + 4], "little")]


def packed(data: bytes) -> bytes:
    """Bytes, or a string in UTF-8, as TL."""
    size = len(data)
    head = bytes((size,)) if size < 254 else b"\xfe" + size.to_bytes(3, "little")
    return head + data + _ZEROS[-(len(head) + size) % 4]
