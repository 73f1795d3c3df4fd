"""Session strings inside a text: which pieces of it are one, and others in their place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

from telekeep.errors import SessionCorrupt, UnknownFormat
from telekeep.keeper.adopt.places.place import Exchange, Found, unknown
from telekeep.session import formats
from telekeep.session.model import Session
from telekeep.session.network import Network

_STRING = formats.FORMATS["telethon-string"]
_OTHERS = {name: each for name, each in formats.FORMATS.items() if each.is_text and each is not _STRING}
_LENGTHS = (353, 369)  # of a Telethon string, for IPv4 and IPv6; what is of another length is none
_LETTERS = re.compile(r"[A-Za-z0-9_=+/-]{64,1000}")


Piece: TypeAlias = tuple[str, str, int, int]
"""What it is called, its text, and from where to where that stands; it is spelt otherwise there if the lengths differ
(``\\u003d`` for ``=`` in JSON)."""


def decoded(content: bytes) -> str:
    """The text of a file, such that `encoded` gives back every byte, also those that are no UTF-8."""
    return content.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def found(pieces: Iterable[Piece], network: Network) -> list[Found]:
    """Those of ``pieces`` that are a session string and nothing else, blanks around it aside."""
    sessions = []
    for where, text, start, end in pieces:
        core = text.strip()
        if (session := _session(where, core, network)) is None:
            continue
        if end - start == len(text):
            start += text.index(core)
            end = start + len(core)
        sessions.append(Found(where, session, start, end))
    return sessions


def _session(where: str, core: str, network: Network) -> Session | None:
    if not _LETTERS.fullmatch(core):
        return None
    source = core.encode()
    if other := next((name for name, each in _OTHERS.items() if each.recognises(source)), ""):
        raise unknown(other, where)
    if len(core) not in _LENGTHS or not _STRING.recognises(source):
        return None
    try:
        return _STRING.read(source, network=network)
    except (SessionCorrupt, UnknownFormat) as error:
        if where:
            error.args = (f"At {where}: {error.message}",)
        raise


def exchanged(content: bytes, wanted: Exchange) -> bytes:
    """``content`` with other strings in the places of those that were found. They may be longer or shorter."""
    text = decoded(content)
    for place, session in sorted(wanted, key=lambda each: each[0].start, reverse=True):
        text = text[: place.start] + _STRING.write(session).decode() + text[place.end :]
    return encoded(text)
