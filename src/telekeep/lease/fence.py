"""The fencing token: a number that only grows, so that the vault can refuse whoever held the lease before. Pure.

The lease file counts. But a lease file may be lost (``/run/lock`` is memory: a reboot empties it; an administrator may
clean up), so that two more numbers hold the token up: the wall clock in milliseconds, which is ahead of every counter
that began as one, and the floor, the highest token that the vault has seen, which covers a clock that was set back.
"""

from __future__ import annotations

CEILING = 1 << 62
"""A counter on disk from here on is not believed: all users may write to lease files, SQLite counts to 2**63 - 1, and
a number that leaves no room to grow would shut everybody out for good."""


def next_fence(*, counter: int, wall: float, floor: int) -> int:
    """The token of a new holder: greater than ``counter`` (the last one on disk, 0 if none) and than ``floor``.

    ``wall`` in seconds since 1970.
    """
    believed = counter if 0 <= counter < CEILING else 0
    return max(believed + 1, int(wall * 1000), floor + 1)
