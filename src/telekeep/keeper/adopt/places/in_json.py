"""A JSON file: string values, anywhere in it, that are a session string. Order, spacing and spelling stay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from telekeep.keeper.adopt.places import strings
from telekeep.keeper.adopt.places.place import Exchange, Found
from telekeep.session.network import Network

_TOKEN = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*+"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


class Json:
    kind = "json"

    def recognises(self, content: bytes) -> bool:
        """Whether ``content`` is an object, an array or a string, written as JSON."""
        text = strings.decoded(content).removeprefix("\ufeff")
        if text.lstrip()[:1] not in ("{", "[", '"'):
            return False
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return False
        return True

    def find(self, content: bytes, network: Network) -> list[Found]:
        return strings.found(_values(strings.decoded(content)), network)

    def exchanged(self, content: bytes, wanted: Exchange) -> bytes:
        return strings.exchanged(content, wanted)


def _values(text: str) -> Iterator[strings.Piece]:
    """Every string value: its path, as ``accounts.0.session``, its text, and what lies between its quotes."""
    path: list[str | int] = []
    key: str | None = None
    opened: list[str] = []
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "{" | "[" as bracket:
                opened.append(bracket)
                path.append(0 if bracket == "[" else "")
                key = None
            case "}" | "]":
                opened.pop()
                path.pop()
            case ":":
                path[-1] = key or ""
            case ",":
                key = None
                if opened[-1] == "[":
                    path[-1] = int(path[-1]) + 1
                else:
                    path[-1] = ""
            case string if string.startswith('"'):
                if opened and opened[-1] == "{" and key is None:
                    key = json.loads(string, strict=False)
                else:
                    text_of_it = json.loads(string, strict=False)
                    yield ".".join(map(str, path)), text_of_it, token.start() + 1, token.end() - 1
