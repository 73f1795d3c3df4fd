"""Ways back: how old the newest stored generation of each session is."""

from __future__ import annotations

from collections.abc import Sequence

from telekeep.health.check import Finding, note, ok
from telekeep.health.checks.vault import Record
from telekeep.words import span

CHECK = "backups"


def judge(records: Sequence[Record], *, now: float) -> list[Finding]:
    """Generations lie in the vault itself: they help against a damaged record, not against a lost disk."""
    if not records:
        return []
    single = [record.name for record in records if record.generations < 2]
    oldest = span(now - min(record.saved_at for record in records))
    count = sum(record.generations for record in records)
    stored = f"{count} generation{'s are' if count != 1 else ' is'} stored"
    findings = [ok(CHECK, f"{stored}; the session longest unchanged was written {oldest} ago.")]
    if single:
        names = ", ".join(single[:3]) + (f" and {len(single) - 3} more" if len(single) > 3 else "")
        words = f"Of {names} only one generation is stored: a damaged one could not be rolled back."
        findings.append(note(CHECK, words, "Copy the home and, to another place, its key file."))
    return findings
