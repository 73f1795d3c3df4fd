"""Objects of one layer made into objects of another, by name.

For every constructor a function is made when it is first met: it takes the data, the place behind the constructor's id
and the `Bounds`, and gives the other layer's bytes and the place behind the object. What is the same in both layers,
with all that it may hold, is copied as it stands.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

from telekeep.gateway.layers import coercions, fallbacks, hooks, rules
from telekeep.gateway.layers.errors import Untranslatable
from telekeep.gateway.layers.node import Convert, Maker, Node
from telekeep.gateway.layers.plan import Plan, plan
from telekeep.gateway.layers.reading import VECTOR, WIDTHS, Bounds, Lazy, Reader, count, reader
from telekeep.gateway.layers.table import REQUEST, Table, Word, table
from telekeep.gateway.layers.weave import by_hand, weave

_SIMPLE: Final = frozenset({*WIDTHS, "string", "bytes", "Bool"})


class Loom:
    """From the layer ``source`` to ``target``.

    ``strict``: requests, of which nothing may be lost: what has no word in the target raises Untranslatable. Otherwise
    results and updates, where the loss goes up to the nearest place that can bear it (see `rules`).
    """

    def __init__(self, source: int, target: int, *, strict: bool) -> None:
        self.source: Table = table(source)
        self.target: Table = table(target)
        self.strict = strict
        self.reader: Reader = reader(source, strict)
        self.make = Maker(self.target, strict)
        self._types: dict[tuple[str, str], Lazy] = {}
        self._kinds: dict[tuple[str, str, str], Convert] = {}
        self._words: dict[tuple[bytes, str], Convert] = {}

    def __repr__(self) -> str:
        return f"<Loom {self.source.layer} to {self.target.layer}, {'strict' if self.strict else 'bearing losses'}>"

    # ---- what need not be touched

    @cached_property
    def changed(self) -> set[str]:
        """The types of the source that are not the same in the target, or may hold one that is not."""
        there = self.target.types
        waiting = []
        for kind, words in self.source.kinds.items():
            for word in words:
                other = there.get(word.name)
                if other is None or other.text != word.text:
                    waiting.append(kind)
                    break
        found = set(waiting)
        users = self.source.users
        while waiting:
            for user in users.get(waiting.pop(), ()):
                if user not in found:
                    found.add(user)
                    waiting.append(user)
        return found

    def is_same(self, kind: str, other: str) -> bool:
        """Whether bytes of ``kind`` are bytes of ``other`` in the target."""
        if kind != other or kind == REQUEST:
            return False
        while kind.startswith("Vector<"):
            kind = kind[7:-1]
        return kind in _SIMPLE or kind not in self.changed

    # ---- kinds

    def convert(self, kind: str, other: str, name: str = "") -> Convert:
        """A function that makes ``other`` of ``kind``. Raises Untranslatable(name) if there is no way."""
        key = (kind, other, name if name in rules.WHOLE_VECTORS else "")
        found = self._kinds.get(key)
        if found is None:
            found = self._kinds[key] = self._converter(kind, other, name)
        return found

    def boxed(self, kind: str, other: str) -> Lazy | None:
        """`of_type`, if that is how ``kind`` becomes ``other``: by its constructors."""
        if (kind, other) in coercions.COERCIONS or self.is_same(kind, other):
            return None
        if any(each in _SIMPLE or each.startswith("Vector<") for each in (kind, other)):
            return None
        return self.of_type(kind, other)

    def _converter(self, kind: str, other: str, name: str) -> Convert:
        if self.is_same(kind, other):
            over = self.reader.kind(kind)

            def copy(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
                end = over(d, p, c)
                return d[p:end], end

            return copy
        coercion = coercions.COERCIONS.get((kind, other))
        if coercion is not None:
            return coercion(self)
        if kind.startswith("Vector<"):
            if other.startswith("Vector<"):
                return self._vector(kind[7:-1], other[7:-1], name)
        elif (words := self.boxed(kind, other)) is not None:
            return lambda d, p, c: words[d[p : p + 4]](d, p + 4, c)
        raise Untranslatable(name or f"{kind} as {other}")

    def _vector(self, kind: str, other: str, name: str) -> Convert:
        each = self.convert(kind, other, name)
        over = self.reader.kind(kind)
        bears = not self.strict and name not in rules.WHOLE_VECTORS

        def vector(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
            number = count(d, p, c, 4)
            p += 8
            parts = [VECTOR, b""]
            depth = c.depth
            for _ in range(number):
                begin = p
                try:
                    part, p = each(d, begin, c)
                except Untranslatable:
                    if not bears:
                        raise
                    c.depth = depth
                    p = over(d, begin, c)
                    continue
                parts.append(part)
            parts[1] = (len(parts) - 2).to_bytes(4, "little")
            return b"".join(parts), p

        return vector

    def of_type(self, kind: str, other: str) -> Lazy:
        """For a type: functions by the constructor's id, that make an ``other`` of it."""
        found = self._types.get((kind, other))
        if found is None:
            found = Lazy(lambda number: self.word(self.reader.word_of(kind, number), other))
            self._types[kind, other] = found
        return found

    # ---- words

    def word(self, word: Word, other: str) -> Convert:
        """A function that makes an ``other`` of what follows a constructor's id."""
        found = self._words.get((word.id, other))
        if found is None:
            found = self._words[word.id, other] = self._bearing(word, other)
        return found

    def _bearing(self, word: Word, other: str) -> Convert:
        """The function, and what takes its place where it fails."""
        convert = self._woven(word, other)
        fallback = None if self.strict else fallbacks.FALLBACKS.get(other)
        if fallback is None:
            return convert

        def bearing(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
            depth = c.depth
            try:
                return convert(d, p, c)
            except Untranslatable as lost:
                c.depth = depth
                node = Node(self, word, d, p, c)
                instead = fallback(node, self.make)
                if instead is None:
                    raise Untranslatable(lost.name) from None
                return instead, node.end

        return bearing

    def _woven(self, word: Word, other: str) -> Convert:
        try:
            hook = hooks.HOOKS.get(word.name)
            if hook is not None and (made := hook(self, word, other)) is not None:
                return made
            found = self.plan(word, other)
        except Untranslatable as lost:
            name = lost.name

            def never(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
                raise Untranslatable(name)

            return never
        if found.is_simple:
            return weave(self, found)
        return by_hand(self, found)

    def plan(self, word: Word, other: str) -> Plan:
        """How a constructor becomes one of the type ``other``. Raises Untranslatable."""
        return plan(self, word, self.counterpart(word, other))

    def counterpart(self, word: Word, other: str) -> Word:
        """The target's word for a constructor or method. Raises Untranslatable."""
        words = self.target.functions if other == REQUEST else self.target.types
        for name in (word.name, *rules.SYNONYMS.get(word.name, ())):
            found = words.get(name)
            if found is not None and (other == REQUEST or found.result == other):
                return found
        raise Untranslatable(word.name)
