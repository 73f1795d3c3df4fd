"""Ways back: stored generations against a damaged record, backups against a lost disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from telekeep.health.check import Finding, note, ok, warning
from telekeep.health.checks.vault import Record
from telekeep.words import span

CHECK = "backups"

_SHOWN = 3  # names in one sentence


@dataclass(frozen=True, slots=True)
class Archive:
    """A backup in the home's folder. ``sessions``: the generation of each, by name; ``made_at`` in wall-clock seconds.

    ``error``: why it cannot be read, None if it is whole.
    """

    file: str
    made_at: float = 0.0
    sessions: dict[str, int] = field(default_factory=dict)
    error: str | None = None


def judge(records: Sequence[Record], archives: Sequence[Archive] = (), *, now: float) -> list[Finding]:
    """Generations lie in the vault itself: they help against a damaged record, not against a lost disk."""
    damaged = [each.file for each in archives if each.error is not None]
    findings = [_damaged(damaged)] if damaged else []
    if not records:
        return findings
    newest: dict[str, Archive] = {}
    for each in sorted((each for each in archives if each.error is None), key=lambda each: each.made_at):
        newest.update(dict.fromkeys(each.sessions, each))
    single = [each.name for each in records if each.generations < 2 and each.name not in newest]
    oldest = span(now - min(record.saved_at for record in records))
    count = sum(record.generations for record in records)
    stored = f"{count} generation{'s are' if count != 1 else ' is'} stored"
    findings.append(ok(CHECK, f"{stored}; the session longest unchanged was written {oldest} ago."))
    if newest:
        age = span(now - min(newest[each.name].made_at for each in records if each.name in newest))
        covered = sum(each.name in newest for each in records)
        findings.append(ok(CHECK, f"{covered} of {len(records)} sessions are in a backup; the oldest is {age} old."))
    if single:
        words = f"Of {_named(single)} only one generation is stored: a damaged one could not be rolled back."
        findings.append(note(CHECK, words, "Make a backup, best on another disk: `telekeep backup --to DIR`."))
    changed = [
        each.name for each in records if each.name in newest and newest[each.name].sessions[each.name] < each.newest
    ]
    if changed:
        words = f"Of {_named(changed)} the newest backup is older than the login that is kept."
        findings.append(note(CHECK, words, "Make a new one: `telekeep backup`."))
    return findings


def _damaged(files: Sequence[str]) -> Finding:
    words = f"{len(files)} backup{'s are' if len(files) != 1 else ' is'} damaged: {_named(files)}."
    return warning(CHECK, words, "Make a new one: `telekeep backup`. Then look at the disk they lie on.")


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
