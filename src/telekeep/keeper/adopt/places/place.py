"""What a kind of place is: a way a file holds sessions, found in its bytes and exchanged in them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

from telekeep.errors import UnknownFormat
from telekeep.session.formats import FORMATS
from telekeep.session.model import Session
from telekeep.session.network import Network


class Found(NamedTuple):
    """A session in a file. ``where``: what it is called there, "" where that needs no name; ``session``: what it says;
    ``start`` and ``end``: its place among the characters of the file, where it is text.
    """

    where: str
    session: Session
    start: int = 0
    end: int = 0


Exchange: TypeAlias = Sequence[tuple[Found, Session]]
"""Which sessions that were found are to be replaced, and by which."""


class Place(Protocol):
    """A kind of place. To teach adoption another one: a file with such a class, and a line in this folder's
    ``__init__``.
    """

    kind: str

    def find(self, content: bytes, network: Network) -> list[Found]:
        """Every session in ``content``, in order; it is said to belong to ``network``.

        Raises UnknownFormat for a session of a library that cannot be adopted yet, SessionCorrupt for one that is
        damaged: never with the secret.
        """

    def exchanged(self, content: bytes, wanted: Exchange) -> bytes:
        """``content`` with each of ``wanted``, as `find` found them, replaced by another; all else as it was."""


def unknown(format: str, where: str = "") -> UnknownFormat:
    """The error for a session of a ``format`` in whose place no loan can be put yet."""
    what = FORMATS[format].called if format in FORMATS else format
    return UnknownFormat(
        f"{f'At {where}: this' if where else 'This'} is {what}; `adopt` cannot put a loan in its place yet.",
        remedy="Nothing was changed. Keep it with `telekeep import FILE --as NAME` where that reads it, else log in "
        "anew with `telekeep auth NAME`; then start the program with `telekeep run NAME -- CMD`.",
    )
