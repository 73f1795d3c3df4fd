"""Server salts: 64-bit numbers that every message to the server carries, and that change every half hour.

core.telegram.org/mtproto/service_messages#request-for-several-future-salts: a salt lives for 30 minutes, and for
another 30 it is still taken. A message with any other is answered with bad_server_salt and the one to use. All times
are wall seconds of the wire (see `telekeep.mtproto.rules`).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from hashlib import sha256

PERIOD = 1800
GRACE = 1800
FUTURE = 64  # the most that get_future_salts may ask for


@dataclass(frozen=True, slots=True)
class Salt:
    value: int
    since: int
    until: int


class Salts:
    """The salts of one auth key. They follow from a seed and the time, so that none has to be remembered.

    ``first``: the salt that client and server computed in the handshake; it is taken until ``first_until``.
    """

    __slots__ = ("_current", "_first", "_first_until", "_previous", "_seed", "_until")

    def __init__(self, *, first: int | None = None, first_until: float = 0.0) -> None:
        self._seed = os.urandom(16)
        self._first = first
        self._first_until = first_until
        self._until = 0.0  # of the salt computed last
        self._current = self._previous = 0

    def current(self, now: float) -> int:
        """The salt to use now."""
        if not now < self._until or now < self._until - PERIOD:
            period = int(now // PERIOD)
            self._current, self._previous = self._value(period), self._value(period - 1)
            self._until = float((period + 1) * PERIOD)
        return self._current

    def accepts(self, salt: int, now: float) -> bool:
        """Whether a message with ``salt`` is taken at ``now``."""
        if salt == self.current(now) or salt == self._previous:
            return True
        return salt == self._first and now < self._first_until

    def future(self, count: int, now: float) -> list[Salt]:
        """The salt in use and those that follow it, ``count`` in all and never more than 64."""
        period = int(now // PERIOD)
        return [
            Salt(self._value(each), each * PERIOD, (each + 1) * PERIOD + GRACE)
            for each in range(period, period + max(1, min(count, FUTURE)))
        ]

    def replace(self) -> None:
        """Take none of the salts given out so far any more."""
        self._seed = os.urandom(16)
        self._first, self._until = None, 0.0

    def _value(self, period: int) -> int:
        value: int = struct.unpack("<q", sha256(self._seed + struct.pack("<q", period)).digest()[:8])[0]
        return value
