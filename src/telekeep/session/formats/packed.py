"""Reading packed bytes of a stranger: every read says how much it wants, and gets it or an `Ended`."""

from __future__ import annotations

import struct
from typing import Any


class Ended(ValueError):
    """There is less in it than it says."""


class Packed:
    """Bytes that are read from the front. ``order`` is ``<`` or ``>``, as for `struct`."""

    def __init__(self, data: bytes, order: str) -> None:
        self._data = data
        self._order = order
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes. Raises Ended."""
        if not 0 <= count <= self.left:
            raise Ended
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, kind: str) -> Any:
        """The next number of a ``kind`` that `struct` knows. Raises Ended."""
        layout = self._order + kind
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def tl_bytes(self) -> bytes:
        """The next bytes as TL writes them: length, bytes, zeros up to a multiple of four
        (core.telegram.org/mtproto/TL). Raises Ended.
        """
        length, head = self.number("B"), 1
        if length == 255:
            raise Ended
        if length == 254:
            length, head = int.from_bytes(self.take(3), "little"), 4
        data = self.take(length)
        self.take(-(length + head) % 4)
        return data


def tl_bytes(data: bytes) -> bytes:
    """``data`` as TL writes bytes."""
    head = bytes([len(data)]) if len(data) < 254 else b"\xfe" + len(data).to_bytes(3, "little")
    return head + data + bytes(-(len(head) + len(data)) % 4)
