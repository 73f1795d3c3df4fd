"""Bytes that cannot print themselves."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import NoReturn

_SHORT = 16  # below this many bytes a fingerprint could be guessed back (codes, passwords)


class Secret:
    """A secret value. ``repr``, ``str`` and ``format`` show a fingerprint; pickling is refused.

    >>> Secret(b"0123456789abcdef0123456789abcdef")
    Secret(#ae5bd8ef)
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    def reveal(self) -> bytes:
        """The bytes themselves. Every call is a place to look at when auditing."""
        return self._value

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that tell two secrets apart; ``…`` for one short enough to be guessed from them."""
        return "#" + sha256(self._value).hexdigest()[:8] if len(self._value) >= _SHORT else "…"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.fingerprint})"

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled: it would leave the process in the clear")
