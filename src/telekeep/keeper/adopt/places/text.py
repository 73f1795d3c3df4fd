"""A text file with a session string alone on a line; the other lines may hold anything."""

from __future__ import annotations

import re

from telekeep.keeper.adopt.places import strings
from telekeep.keeper.adopt.places.place import Exchange, Found
from telekeep.session.network import Network

_LINE = re.compile(r"[^\r\n]+")


class Text:
    kind = "text"

    def find(self, content: bytes, network: Network) -> list[Found]:
        text = strings.decoded(content)
        found = strings.found((("", line[0], line.start(), line.end()) for line in _LINE.finditer(text)), network)
        if len(found) < 2:
            return found
        return [each._replace(where=f"line {1 + text.count(chr(10), 0, each.start)}") for each in found]

    def exchanged(self, content: bytes, wanted: Exchange) -> bytes:
        return strings.exchanged(content, wanted)
