"""The formats other programs keep sessions in: recognised by structure, read into the one model, written from it.

    formats.read(formats.read_file(Path("bot.session")))     # a Session
    formats.FORMATS["telethon-string"].write(session)        # bytes

A new format is one file here with a class of the shape `Format`, one line in `FORMATS`, and the contract in
`telekeep.testing.contracts.formats`.
"""

from __future__ import annotations

from telekeep.errors import UnknownFormat
from telekeep.session.formats import foreign, image
from telekeep.session.formats.format import Format, Rule
from telekeep.session.formats.snapshot import LARGEST, read_file
from telekeep.session.formats.telethon_sqlite import TelethonSqlite
from telekeep.session.formats.telethon_string import TelethonString
from telekeep.session.model import Session
from telekeep.session.network import Network

FORMATS: dict[str, Format] = {each.name: each for each in (TelethonString(), TelethonSqlite())}


def recognise(source: bytes) -> Format:
    """The format of ``source``, whole or damaged. Raises UnknownFormat, which names another library's formats."""
    for each in FORMATS.values():
        if each.recognises(source):
            return each
    raise foreign.unknown(source)


def read(source: bytes, *, network: Network | None = None) -> Session:
    """The session in ``source``, of whichever format. Raises UnknownFormat or SessionCorrupt, never with the secret."""
    return recognise(source).read(source, network=network)


def check(source: bytes, *, network: Network | None = None) -> tuple[Format, tuple[Rule, ...]]:
    """The format that ``source`` is or comes nearest to, and every rule of it.

    Raises UnknownFormat only for what is known to be something else.
    """
    try:
        nearest = recognise(source)
    except UnknownFormat:
        nearest = FORMATS["telethon-sqlite" if image.is_database(source) else "telethon-string"]
        if foreign.name(source):
            raise
    return nearest, nearest.rules(source, network=network)


__all__ = ["FORMATS", "LARGEST", "Format", "Rule", "check", "read", "read_file", "recognise"]
