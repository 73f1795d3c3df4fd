"""Which generations of a record are kept. A decision, no more: it reads nothing and deletes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telekeep.vault.record import DAMAGED, KEPT, Generation

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Retention:
    """How much history a record has: the ``last`` generations, and all of the last ``days``."""

    last: int = 20
    days: float = 30.0


def surplus(generations: Sequence[Generation], retention: Retention, *, now: float) -> tuple[int, ...]:
    """The numbers of the generations that may go, at wall-clock second ``now``.

    Never the newest, nor the newest that was kept (a removed session can be brought back), nor one that is damaged: it
    may be evidence. A generation saved in the future, by a clock that was wrong, counts as recent.
    """
    newest_first = sorted(generations, key=lambda generation: generation.generation, reverse=True)
    kept = next((generation for generation in newest_first if generation.state == KEPT), None)
    return tuple(
        generation.generation
        for generation in newest_first[max(retention.last, 1) :]
        if generation is not kept and generation.state != DAMAGED and now - generation.saved_at > retention.days * _DAY
    )
