"""The hash by which a client says "I have these already" (core.telegram.org/api/offsets#hash-generation)."""

from __future__ import annotations

from collections.abc import Iterable

_MASK = (1 << 64) - 1


def fold(numbers: Iterable[int]) -> int:
    """Fold ids into the signed 64-bit hash that clients compute of a list they hold."""
    folded = 0
    for number in numbers:
        folded ^= folded >> 21
        folded = (folded ^ folded << 35) & _MASK
        folded ^= folded >> 4
        folded = (folded + number) & _MASK
    return folded - (1 << 64) if folded >> 63 else folded
