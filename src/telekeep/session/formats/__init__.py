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
from telekeep.session.formats.pyrogram_sqlite import PyrogramSqlite
from telekeep.session.formats.pyrogram_string import PyrogramString
from telekeep.session.formats.snapshot import LARGEST, read_file
from telekeep.session.formats.telethon_sqlite import TelethonSqlite
from telekeep.session.formats.telethon_string import TelethonString
from telekeep.session.model import Session
from telekeep.session.network import Network

_STRING = TelethonString()
FORMATS: dict[str, Format] = {
    each.name: each for each in (_STRING, TelethonSqlite(), PyrogramString(), PyrogramSqlite())
}


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
    """The format that ``source`` is or comes near to, and every rule of it. Raises UnknownFormat for anything else."""
    try:
        nearest = recognise(source)
    except UnknownFormat:
        if foreign.name(source) or not (image.is_database(source) or _STRING.resembles(source)):
            raise
        nearest = FORMATS["telethon-sqlite"] if image.is_database(source) else _STRING
    return nearest, nearest.rules(source, network=network)


__all__ = ["FORMATS", "LARGEST", "Format", "Rule", "check", "read", "read_file", "recognise"]
