"""The kinds of places where programs keep sessions, one file each, and which one a file is.

===============  ===================================================================================================
place            what every kind offers
text             a session string alone on a line
in_json          string values of a JSON file, however deep
dotenv           variables of a .env
telethon_file    Telethon's SQLite file
strings          session strings inside a text, for the first three
===============  ===================================================================================================
"""

from __future__ import annotations

from telekeep.errors import UnknownFormat
from telekeep.keeper.adopt.places.dotenv import Dotenv
from telekeep.keeper.adopt.places.in_json import Json
from telekeep.keeper.adopt.places.place import Found, Place, unknown
from telekeep.keeper.adopt.places.telethon_file import TelethonFile
from telekeep.keeper.adopt.places.text import Text
from telekeep.session import formats
from telekeep.session.formats import foreign, image
from telekeep.session.network import Network

_DATABASES: dict[str, Place] = {each.kind: each for each in (TelethonFile(),)}  # by the format's name
_JSON, _DOTENV, _TEXT = Json(), Dotenv(), Text()
BY_KIND: dict[str, Place] = {**_DATABASES, **{each.kind: each for each in (_JSON, _DOTENV, _TEXT)}}


def search(content: bytes, network: Network) -> tuple[Place, list[Found]]:
    """What kind of place a file with this ``content`` is, and the sessions in it: at least one.

    Raises UnknownFormat if there is none, or one that cannot be adopted; SessionCorrupt for one that is damaged.
    """
    if image.is_database(content):
        return _database(content, network)
    kinds: tuple[Place, ...] = (_JSON,) if _JSON.recognises(content) else (_DOTENV, _TEXT)
    for place in kinds:
        if found := place.find(content, network):
            return place, found
    if not content.strip():
        raise UnknownFormat("There is nothing in it: it is empty.", remedy="Name the file that was meant.")
    raise UnknownFormat(
        "No session was found in it: neither a string alone on a line, nor one as the value of a JSON or .env entry.",
        remedy="Name the file that the program keeps its session in.",
    )


def _database(content: bytes, network: Network) -> tuple[Place, list[Found]]:
    if other := foreign.name(content):
        raise unknown(other)
    name = formats.recognise(content).name
    if name not in _DATABASES:
        raise unknown(name)
    place = _DATABASES[name]
    return place, place.find(content, network)


__all__ = ["BY_KIND", "Found", "Place", "search"]
