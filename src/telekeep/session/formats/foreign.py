"""Formats telekeep does not read yet, recognised by structure, so that whoever pastes one in is told what it is."""

from __future__ import annotations

import ipaddress

from telekeep.errors import UnknownFormat
from telekeep.session.formats import image
from telekeep.session.formats.text import bare, from_base64

NAME_A_FILE = "Name a file that Telethon or Pyrogram keeps: it ends in .session."
_READ_TODAY = "Telethon's and Pyrogram's strings and session files can be read; export the session as one of them."


def string_name(core: str) -> str | None:
    """What the bare string ``core`` is, if it is another library's."""
    return "a GramJS string" if is_gramjs(core) else None


def is_gramjs(core: str) -> bool:
    """GramJS: '1' and base64 of data center, length of the address, address as text, port, key.

    With an address of 13 to 15 characters it has 369 characters, as a Telethon string for IPv6 has. There, the length
    would be the first group of the IPv6 address: 000d to 000f, where no public address lies (gramjs
    sessions/StringSession.ts tells them apart the same way).
    """
    raw = from_base64(core[1:]) if core.startswith("1") else None
    if raw is None:
        return False
    length = int.from_bytes(raw[1:3], "big")
    return length >= 7 and len(raw) == 261 + length and _is_address(raw[3 : 3 + length])


def _is_address(text: bytes) -> bool:
    try:
        ipaddress.ip_address(text.decode("ascii"))
    except ValueError:
        return text.isascii() and b"." in text and text.decode().replace(".", "").replace("-", "").isalnum()
    return True


def database_name(tables: frozenset[str]) -> str | None:
    """What an SQLite file with these tables is, if it is another library's."""
    if tables >= {"datacenter", "user", "state", "version"}:
        return "a session file of Telethon 2"
    return None


def name(source: bytes) -> str | None:
    """What ``source`` is, if it is another library's."""
    if image.is_database(source):
        tables = image.table_names(source)
        return database_name(tables) if tables is not None else None
    return string_name(bare(source).core)


def unknown(source: bytes) -> UnknownFormat:
    """The error for a source that no format claims: named if it can be named."""
    if not source.strip():
        return UnknownFormat("There is nothing in it: it is empty.", remedy="Name the file or string that was meant.")
    if other := name(source):
        return UnknownFormat(f"This is {other}, which telekeep does not read yet.", remedy=_READ_TODAY)
    if image.is_database(source):
        return UnknownFormat(
            "This is an SQLite database, but not a session: it lacks Telethon's tables, and Pyrogram's.",
            remedy=NAME_A_FILE,
        )
    return UnknownFormat(
        "This is no session in any format that telekeep knows: neither a Telethon string (1 and 352 or 368 more "
        "characters), nor a Pyrogram string (362, 356 or 351), nor an SQLite file.",
        remedy="Name a file that Telethon or Pyrogram keeps (NAME.session), or one that holds a string alone.",
    )
