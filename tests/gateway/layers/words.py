"""Objects of a layer by name, written and looked at: what a test says and expects."""

from __future__ import annotations

from telekeep.gateway.layers.loom import Loom
from telekeep.gateway.layers.node import Maker, Node, Value
from telekeep.gateway.layers.reading import VECTOR, Bounds
from telekeep.gateway.layers.table import table


class Words:
    """``Words(149)("peerUser", user_id=5)`` are the bytes of such an object or request."""

    def __init__(self, layer: int) -> None:
        self.layer = layer
        self._table = table(layer)
        self._make = Maker(self._table, True)
        self._loom = Loom(layer, layer, strict=True)

    def __call__(self, name: str, **values: Value) -> bytes:
        word = self._table.types.get(name) or self._table.functions[name]
        return self._make.word(word, values)

    def look(self, data: bytes) -> Node:
        """The object or request that ``data`` is."""
        word = self._table.by_id[data[:4]]
        node = Node(self._loom, word, data, 4, Bounds(100_000))
        assert node.end == len(data)
        return node


def vector(*items: bytes) -> bytes:
    return VECTOR + len(items).to_bytes(4, "little") + b"".join(items)
