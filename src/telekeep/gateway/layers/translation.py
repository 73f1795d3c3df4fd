"""Requests, results and updates between the layer of a borrower and that of the owner."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from typing import Final

from telekeep.gateway.layers import rules
from telekeep.gateway.layers.errors import Malformed, Untranslatable
from telekeep.gateway.layers.loom import Loom
from telekeep.gateway.layers.reading import Bounds, text_at
from telekeep.gateway.layers.table import REQUEST, releases
from telekeep.mtproto.schema import GZIP_PACKED, LAYER, SchemaError, inflate

LARGEST: Final = 1 << 20  # bytes of a request, as in gateway/asked.py
_IN_REQUEST: Final = 24_000  # elements of vectors; asked.py counts objects again, here some are counted twice
_IN_RESULT: Final = 4_000_000
_INFLATED: Final = 1 << 24
_ERROR: Final = struct.pack("<I", 0x2144CA19)
_PACKED: Final = struct.pack("<I", GZIP_PACKED)
_SMALL: Final = 4096  # bytes of an update that is remembered, for other borrowers of the same layer
_REMEMBERED: Final = 256
# What a reader of cut or wrong bytes stumbles over.
_STUMBLES: Final = (IndexError, struct.error, UnicodeDecodeError, RecursionError)


class Translator:
    """Between a borrower's ``layer`` and the owner's, ``own``. Made by `between`, one for every pair."""

    def __init__(self, layer: int, own: int) -> None:
        self.layer = layer
        self.own = own
        self._asked = Loom(layer, own, strict=True)
        self._told = Loom(own, layer, strict=False)
        self._results: dict[str, Callable[[bytes, int, Bounds], tuple[bytes, int]] | str] = {}
        self._updates: dict[bytes, bytes] = {}

    def __repr__(self) -> str:
        return f"<Translator {self.layer} to {self.own}>"

    def up(self, body: bytes) -> bytes:
        """One whole request with all its wrappers, for the owner's layer.

        Raises Untranslatable with the name of what has no word there, Malformed for what is not exactly one request.
        """
        if len(body) > LARGEST:
            raise Malformed("too long")
        return _whole(self._asked.convert(REQUEST, REQUEST), body, _IN_REQUEST)

    def down(self, method: str, result: bytes) -> bytes:
        """The result of a method, by its TL name in the owner's layer, for the borrower.

        Raises Untranslatable where the borrower's layer has no way to say it, Malformed for what is no such result.
        """
        head = result[:4]
        if head == _ERROR:
            return result
        convert = self._results.get(method)
        if convert is None:
            convert = self._results[method] = self._result(method)
        if isinstance(convert, str):
            raise Untranslatable(convert)
        if head == _PACKED:
            result = _unpacked(result)
            if result[:4] == _ERROR:
                return result
        return _whole(convert, result, _IN_RESULT)

    def answers(self, method: str) -> str | None:
        """Why no result of ``method`` can be told: the TL name of what there is no word for; None if one can."""
        made = self._result(method)
        return made if isinstance(made, str) else None

    def asks(self, method: str) -> str | None:
        """Why ``method``, a name of the borrower's layer, can never be asked; None if it can."""
        try:
            self._asked.plan(self._asked.source.functions[method], REQUEST)
        except Untranslatable as lost:
            return lost.name
        return None

    def own_name(self, method: str) -> str:
        """What a method of the borrower's layer is called in ours. Raises Untranslatable."""
        return self._asked.counterpart(self._asked.source.functions[method], REQUEST).name

    def _result(self, method: str) -> Callable[[bytes, int, Bounds], tuple[bytes, int]] | str:
        """How a method's result is made; the name of what cannot be, where there is no way."""
        word = self._told.source.functions.get(method)
        if word is None:
            return method
        for name in (method, *rules.SYNONYMS.get(method, ())):
            asked = self._told.target.functions.get(name)
            if asked is not None:
                try:
                    return self._told.convert(word.result, asked.result, method)
                except Untranslatable as lost:
                    return lost.name
        return method

    def update(self, body: bytes) -> bytes:
        """An object of type Updates, for the borrower. Raises as `down` does."""
        made = self._updates.get(body)
        if made is None:
            made = _whole(self._told.convert("Updates", "Updates"), body, _IN_RESULT)
            if len(body) <= _SMALL:
                if len(self._updates) >= _REMEMBERED:
                    del self._updates[next(iter(self._updates))]
                self._updates[body] = made
        return made


def _whole(convert: Callable[[bytes, int, Bounds], tuple[bytes, int]], body: bytes, objects: int) -> bytes:
    try:
        made, end = convert(body, 0, Bounds(objects))
    except _STUMBLES as error:
        raise Malformed(type(error).__name__) from None
    if end != len(body):
        raise Malformed("bytes left over, or missing")
    return made


def _unpacked(result: bytes) -> bytes:
    try:
        if len(result) < 8:
            raise Malformed("gzip_packed is cut short")
        return inflate(text_at(result, 4), limit=_INFLATED)
    except SchemaError as error:
        raise Malformed(str(error)) from None


@cache
def _translator(layer: int, own: int) -> Translator | None:
    known = releases()
    return Translator(layer, own) if layer in known and own in known else None


def between(layer: int, own: int | None = None) -> Translator | None:
    """See `telekeep.gateway.layers.translator`."""
    return _translator(layer, LAYER if own is None else own)
