"""The files of a tdata folder: their names, their frame, and the arrays in them.

A file is ``TDF$``, a version, its content and an MD5 of all that; each name ends in ``s``, in older folders in 0 or 1,
of which one is the newer (storage_file_utilities.cpp).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from hashlib import md5

from telekeep.session.formats.bundle import Bundle
from telekeep.session.formats.packed import Ended, Packed

KEY_FILE = "key_data"
ENDINGS = "s01"
_MAGIC = b"TDF$"
_VERSION = 3_004_000  # of the Telegram Desktop that made it: a newer one opens it, an older one would not
_NULL = 0xFFFFFFFF  # the length of an array that is not there


class Torn(ValueError):
    """A file that is missing, cut off or changed."""


def account_name(index: int) -> str:
    """The name of the file of the account with that index: an MD5, spelt with the digits of each byte the other way."""
    name = b"data" if index == 0 else b"data#%d" % (index + 1)
    return "".join(f"{byte:02X}"[::-1] for byte in md5(name, usedforsecurity=False).digest()[:8])


def read(bundle: Bundle, path: str) -> Packed:
    """The content of the file ``path``, whatever its ending. Raises Torn, and what `Bundle.read` does."""
    for ending in ENDINGS:
        source = bundle.read(path + ending)
        if source is None or source[:4] != _MAGIC or len(source) < 24:
            continue
        content = source[8:-16]
        if md5(_framed(content, source[4:8]), usedforsecurity=False).digest() == source[-16:]:
            return Packed(content, ">")
    raise Torn


def written(arrays: Iterable[bytes]) -> bytes:
    """A file that holds ``arrays``."""
    content = b"".join(map(array, arrays))
    version = struct.pack("<I", _VERSION)
    return _MAGIC + version + content + md5(_framed(content, version), usedforsecurity=False).digest()


def _framed(content: bytes, version: bytes) -> bytes:
    return content + struct.pack("<I", len(content)) + version + _MAGIC


def array(content: bytes) -> bytes:
    """As Qt writes a QByteArray."""
    return struct.pack(">I", len(content)) + content


def next_array(packed: Packed) -> bytes:
    """The next QByteArray. Raises Torn."""
    try:
        length = packed.number("I")
        return b"" if length == _NULL else packed.take(length)
    except Ended:
        raise Torn from None
