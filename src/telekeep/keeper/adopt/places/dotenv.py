"""A ``.env``: variables whose value is a session string. Quotes, ``export``, comments and line ends stay."""

from __future__ import annotations

from collections.abc import Iterator

from telekeep.keeper.adopt.places import strings
from telekeep.keeper.adopt.places.place import Exchange, Found
from telekeep.session.network import Network
from telekeep.settings import bindings


class Dotenv:
    kind = "dotenv"

    def find(self, content: bytes, network: Network) -> list[Found]:
        return strings.found(_values(strings.decoded(content)), network)

    def exchanged(self, content: bytes, wanted: Exchange) -> bytes:
        return strings.exchanged(content, wanted)


def _values(text: str) -> Iterator[strings.Piece]:
    for each in bindings(text):
        at = text.find(each.value, each.start, each.end)  # the letters of a session string need no escape
        if at >= 0:
            yield each.name, each.value, at, at + len(each.value)
