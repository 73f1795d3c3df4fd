"""Which backups may go. A decision, no more: it reads nothing and deletes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_DAY = 86_400.0
ASKED = "asked for"
"""The reason of a backup that a person, or a timer of theirs, asked for."""


@dataclass(frozen=True, slots=True)
class Retention:
    """The newest ``last`` backups are kept, and all that are younger than ``seconds``; None: no such rule.

    A backup goes if no rule keeps it; without a rule none goes. ``but``: those made for this reason are not judged.
    """

    last: int | None = None
    seconds: float | None = None
    but: str | None = None


AUTOMATIC = Retention(last=20, seconds=30 * _DAY, but=ASKED)
"""For what was made before a risky step; what a person asked for stays until a person says how long."""


class Candidate(NamedTuple):
    """A backup that is ours and whole. ``made_at`` in wall-clock seconds; ``holds``: what it could bring back."""

    path: Path
    made_at: float
    holds: frozenset[object]
    reason: str = ASKED


def surplus(found: Iterable[Candidate], retention: Retention, *, now: float) -> tuple[Path, ...]:
    """The backups that may go, at wall-clock second ``now``.

    Never one that is the newest to hold something. What is damaged, or not ours, is no candidate. One from the future,
    by a clock that was wrong, counts as recent where age counts.
    """
    if retention.last is None and retention.seconds is None:
        return ()
    held: set[object] = set()
    gone, counted = [], 0
    for each in sorted(found, key=lambda each: (each.made_at, each.path.name), reverse=True):
        is_last = bool(each.holds - held)
        held |= each.holds
        if retention.but is not None and each.reason == retention.but:
            continue
        counted += 1
        recent = retention.seconds is not None and now - each.made_at <= retention.seconds
        among = retention.last is not None and counted <= retention.last
        if not (is_last or recent or among):
            gone.append(each.path)
    return tuple(gone)
