"""What cannot be read, recognised by structure, so that whoever pastes it in is told what it is and what to do
instead.
"""

from __future__ import annotations

import struct
from zlib import crc32

from telekeep.errors import UnknownFormat
from telekeep.session.formats import bundle, image

NAME_A_FILE = "Name a file that Telethon or Pyrogram keeps: it ends in .session."
_LOG_IN = (
    "Log in separately with `telekeep auth NAME`: a second login of the same account harms neither, and this program "
    "keeps its own."
)
_MADELINE = b"<?php __HALT_COMPILER();"
_TDLIB_HEAD, _TDLIB_TAIL = struct.Struct("<IQiiQ"), 4  # size, id, type, flags, extra; CRC-32 at the end
# files by which a folder is known
MADELINE_FILES = frozenset({"safe.php", "lightState.php", "ipcState.php"})
TDLIB_FILES = frozenset({"td.binlog", "td_test.binlog"})


def name(source: bytes) -> str | None:
    """What ``source`` is, if it is the session of a library that lets no key out."""
    if source.startswith(_MADELINE) or _holds(source, MADELINE_FILES):
        return "a session of MadelineProto"
    return "a session of TDLib" if _is_binlog(source) or _holds(source, TDLIB_FILES) else None


def _holds(source: bytes, names: frozenset[str]) -> bool:
    found = bundle.opened(source)
    return found is not None and found.find(*names) is not None


def _is_binlog(source: bytes) -> bool:
    """TDLib's binlog: events that begin with their size and end with the CRC-32 of the rest (tddb/td/db/binlog)."""
    if len(source) < _TDLIB_HEAD.size + _TDLIB_TAIL:
        return False
    size, _, kind, *_ = _TDLIB_HEAD.unpack_from(source)
    if size % 4 or not _TDLIB_HEAD.size + _TDLIB_TAIL <= size <= min(len(source), 1 << 20) or kind >= 1 << 20:
        return False
    return bool(crc32(source[: size - _TDLIB_TAIL]) == int.from_bytes(source[size - _TDLIB_TAIL : size], "little"))


def unknown(source: bytes) -> UnknownFormat:
    """The error for a source that no format claims: named if it can be named."""
    if not source.strip():
        return UnknownFormat("There is nothing in it: it is empty.", remedy="Name the file or string that was meant.")
    if other := name(source):
        return UnknownFormat(f"This is {other}, which lets its key out to nobody.", remedy=_LOG_IN)
    if image.is_database(source):
        return UnknownFormat(
            "This is an SQLite database, but not a session: it lacks Telethon's tables, Pyrogram's and mtcute's.",
            remedy=NAME_A_FILE,
        )
    if bundle.is_bundle(source):
        return UnknownFormat(
            "There is no session in this folder or archive: neither tdata (key_datas) nor a GramJS store.",
            remedy="Name the folder itself that holds key_datas, or a session file.",
        )
    return UnknownFormat(
        "This is no session in any format that telekeep knows: no string of Telethon (1 and 352 or 368 more "
        "characters), Pyrogram (362, 356 or 351), GramJS or mtcute, no JSON of gotd's, and no SQLite file.",
        remedy="Name a file that Telethon or Pyrogram keeps (NAME.session), or one that holds a string alone.",
    )
