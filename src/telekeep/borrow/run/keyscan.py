"""Auth keys in other people's text: a session string of whatever library, or a key in hex.

All of them are 256 bytes in base64 or hex, with a few bytes of their own around. So every place in such a run of
letters is tried; a key that is known by its id cannot be missed, and nothing else can be taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import NamedTuple

KEY_BYTES = 256
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{342,}={0,2}")
_HEX = re.compile(r"[0-9A-Fa-f]{512,}")
_MOST = 4096  # letters of one run that are looked at: no session string is as long


class Sighting(NamedTuple):
    """A key whose id is known. ``text``: the run of letters that holds it; ``is_telethon``: it is Telethon's string."""

    key_id: str
    text: str
    is_telethon: bool


def known_keys(text: str, ids: Container[str]) -> Iterator[Sighting]:
    """The keys in ``text`` that are among ``ids``, in 16 hex digits each."""
    for found in _BASE64.finditer(text):
        run = found[0][:_MOST]
        for skipped in range(4):  # some put a letter of their own in front, and not all begin at a whole byte
            for key_id, at, size in _in_bytes(_decoded(run[skipped:].rstrip("=")), ids):
                yield Sighting(key_id, run, run[0] == "1" and skipped == 1 and at + KEY_BYTES == size)
    for found in _HEX.finditer(text):
        run = found[0][:_MOST]
        for skipped in range(2):
            digits = run[skipped:]
            for key_id, _, _ in _in_bytes(bytes.fromhex(digits[: len(digits) // 2 * 2]), ids):
                yield Sighting(key_id, run, False)


def _decoded(letters: str) -> bytes:
    from base64 import urlsafe_b64decode

    letters = letters.replace("+", "-").replace("/", "_")
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    return urlsafe_b64decode(letters + "=" * (-len(letters) % 4))


def _in_bytes(content: bytes, ids: Container[str]) -> Iterator[tuple[str, int, int]]:
    from hashlib import sha1

    for at in range(len(content) - KEY_BYTES + 1):
        key_id = format(int.from_bytes(sha1(content[at : at + KEY_BYTES]).digest()[-8:], "little"), "016x")
        if key_id in ids:
            yield key_id, at, len(content)
