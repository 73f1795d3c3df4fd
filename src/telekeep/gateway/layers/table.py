"""The schema of a layer, read from the tables that tools/tables.py has made.

One table is whole; the others say what differs from the next newer one. A line is taken apart when it is first needed:
most never are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache, cached_property
from pathlib import Path
from typing import Final, NamedTuple

_FOLDER: Final = Path(__file__).parent / "tables"
_FUNCTIONS: Final = "---functions---"
_BOXED: Final = re.compile(r"[:?<]((?:\w+\.)?[A-Z]\w*)(?!\w*<)")


REQUEST: Final = "!X"
"""The kind of a field that holds any request."""


class Field(NamedTuple):
    """One field. ``kind``: ``int``, ``Vector<long>``, ``Peer``, ``true``, ``#`` for flags, ``!X`` for a request.

    ``flags``, ``bit``: where its presence is told; None and -1 for a field that is always there.
    """

    name: str
    kind: str
    flags: str | None
    bit: int

    @property
    def has_data(self) -> bool:
        return self.kind != "true" and self.kind != "#"


class Word:
    """A constructor or a method."""

    __slots__ = ("_parsed", "id", "name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        number = text[text.index("#") + 1 : text.index(" ")]
        self.id = int(number, 16).to_bytes(4, "little")
        self._parsed: dict[str, Field] | None = None

    def __repr__(self) -> str:
        return self.text

    @property
    def result(self) -> str:
        """The type that a constructor is of, or that a method answers."""
        return self.text[self.text.rindex(" = ") + 3 : -1]

    @property
    def fields(self) -> dict[str, Field]:
        """By name, in order."""
        if self._parsed is None:
            parts = self.text[: self.text.rindex(" = ")].split(" ")[1:]
            found = [_field(part) for part in parts if part[0] != "{"]
            self._parsed = {each.name: each for each in found}
        return self._parsed


def _field(text: str) -> Field:
    name, _, kind = text.partition(":")
    condition, question, inner = kind.partition("?")
    if not question:
        return Field(name, kind, None, -1)
    flags, _, bit = condition.partition(".")
    return Field(name, inner, flags, int(bit))


class Table:
    """One layer: ``types`` and ``functions`` by name."""

    def __init__(self, layer: int, types: dict[str, str], functions: dict[str, str]) -> None:
        self.layer = layer
        self.types = {name: Word(name, text) for name, text in types.items()}
        self.functions = {name: Word(name, text) for name, text in functions.items()}

    def __repr__(self) -> str:
        return f"<Table {self.layer}: {len(self.types)} types, {len(self.functions)} functions>"

    @cached_property
    def kinds(self) -> dict[str, list[Word]]:
        """The constructors of every type."""
        found: dict[str, list[Word]] = defaultdict(list)
        for word in self.types.values():
            found[word.result].append(word)
        return dict(found)

    @cached_property
    def by_id(self) -> dict[bytes, Word]:
        """Every constructor and method."""
        return {word.id: word for words in (self.types, self.functions) for word in words.values()}

    @cached_property
    def recursive(self) -> frozenset[str]:
        """The types whose objects may hold others of the same type, however deep; and all requests that hold one."""
        return frozenset({REQUEST}) | _cycles(self.users)

    @cached_property
    def users(self) -> dict[str, set[str]]:
        """For every type, those of whose constructors one has a field of it."""
        found: dict[str, set[str]] = defaultdict(set)
        for word in self.types.values():
            text = word.text
            end = text.rindex(" = ")
            for kind in _BOXED.findall(text, 0, end):
                found[kind].add(text[end + 3 : -1])
        return dict(found)


@cache
def _releases() -> dict[int, tuple[str, ...]]:
    """Every layer that has a table, the newest first, with the releases that speak it."""
    lines = (_FOLDER / "releases.txt").read_text("ascii").splitlines()
    parts = [line.partition(" ") for line in lines]
    return {int(layer): tuple(names.split(", ")) for layer, _, names in parts}


def releases() -> dict[int, tuple[str, ...]]:
    """Every layer that has a table, the oldest first, with the names of the releases that speak it."""
    return dict(reversed(_releases().items()))


@cache
def table(layer: int) -> Table:
    """The table of a layer. Raises KeyError for one that has none."""
    if layer not in _releases():
        raise KeyError(layer)
    return Table(layer, *_texts(layer))


def _texts(layer: int) -> tuple[dict[str, str], dict[str, str]]:
    """The lines of types and of functions, by name."""
    types: dict[str, str] = {}
    functions: dict[str, str] = {}
    for each in _releases():
        parts = (_FOLDER / f"{each}.tl").read_text("ascii").partition(_FUNCTIONS)
        _apply(types, parts[0])
        _apply(functions, parts[2])
        if each == layer:
            break
    return types, functions


def _apply(lines: dict[str, str], changes: str) -> None:
    for line in changes.splitlines():
        if line[:1] == "-":
            del lines[line[1:]]
        elif line and line[0] != "/":
            lines[line[: line.index("#")]] = line


def _cycles(graph: dict[str, set[str]]) -> set[str]:
    """The nodes of ``graph`` that can be reached from themselves: Tarjan's components, without recursion."""
    found: set[str] = set()
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    for root in graph:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        stack.append(root)
        path = [(root, iter(graph.get(root, ())))]
        while path:
            node, rest = path[-1]
            for other in rest:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    path.append((other, iter(graph.get(other, ()))))
                    break
                if other in low:
                    low[node] = min(low[node], index[other])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == index[node]:
                    part = stack[stack.index(node) :]
                    del stack[-len(part) :]
                    for each in part:
                        del low[each]
                    if len(part) > 1 or node in graph.get(node, ()):
                        found.update(part)
    return found
