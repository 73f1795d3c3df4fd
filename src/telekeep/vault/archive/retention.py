"""Which archives may go. A decision, no more: it reads nothing and deletes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from telekeep.vault.archive.folder import Shelved

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Retention:
    """The newest ``last`` archives are kept, and all that are younger than ``seconds``; None: no such rule.

    An archive goes if no rule keeps it; without a rule none goes. ``but``: those made for this reason are not judged.
    """

    last: int | None = None
    seconds: float | None = None
    but: str | None = None


ASKED = "asked for"
"""The reason of an archive that a person, or a timer of theirs, asked for."""

AUTOMATIC = Retention(last=20, seconds=30 * _DAY, but=ASKED)
"""For what was made before a risky step; what a person asked for stays until a person says how long."""


def surplus(found: Sequence[Shelved], retention: Retention, *, vault_id: str, now: float) -> tuple[Path, ...]:
    """The archives of this vault that may go, at wall-clock second ``now``.

    Never one that holds the newest copy of a session, with the vault's key or with a passphrase of its own: whichever
    of the two is lost, the other must do. Never what is damaged (it may be evidence), of another vault, or from the
    future.
    """
    if retention.last is None and retention.seconds is None:
        return ()
    ours = [each for each in found if each.header is not None and each.header.vault_id == vault_id]
    ours.sort(key=lambda each: (_made_at(each), each.path.name), reverse=True)
    held: set[tuple[str, bool]] = set()
    gone, counted = [], 0
    for each in ours:
        header = each.header
        assert header is not None
        holds = {(session.name, header.has_own_key) for session in header.sessions}
        is_last = bool(holds - held)
        held |= holds
        if retention.but is not None and header.reason == retention.but:
            continue
        counted += 1
        recent = retention.seconds is not None and now - header.made_at <= retention.seconds
        among = retention.last is not None and counted <= retention.last
        if not (is_last or recent or among):
            gone.append(each.path)
    return tuple(gone)


def _made_at(each: Shelved) -> float:
    return each.header.made_at if each.header else 0.0
