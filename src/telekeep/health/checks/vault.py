"""The vault: does it open, is every record whole, and is it as new as it was known to be?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from telekeep.errors import SessionSealed, TelekeepError, VaultRolledBack
from telekeep.health.actions import Action, RebuildLagging, RollBack
from telekeep.health.check import Finding, Severity, note, of_error, ok, warning
from telekeep.vault.archive.spare import way_back

CHECK = "vault"


@dataclass(frozen=True, slots=True)
class Record:
    """One record. ``error``: why it cannot be read; ``whole``: the newest generation that can, None if there is none.

    ``newest``: the number of its newest generation. ``damaged``: numbers of older generations that do not open.
    ``lease`` and ``network`` as the record's header says; ``has_application``: whether it brings api id and hash.
    ``set_aside``: whether its key is in quarantine, so that Telegram is not asked about it.
    """

    name: str
    newest: int
    lease: str = ""
    network: str = ""
    dc_id: int = 0
    generations: int = 1
    saved_at: float = 0.0
    last_used_at: float | None = None
    error: TelekeepError | None = None
    whole: int | None = None
    damaged: tuple[int, ...] = ()
    has_application: bool = True
    set_aside: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """``exists``: whether there is a vault at all; ``error``: why it does not open; ``sealed``: why its key is missing.

    ``notices``: what the vault said was lost, in words; ``broken``: files whose pages are damaged, by noun. ``spares``:
    where something is gone, what backups hold (`telekeep.vault.archive.spare`).
    """

    exists: bool = True
    error: TelekeepError | None = None
    sealed: SessionSealed | None = None
    moved: bool = False
    notices: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    spares: Mapping[str, float] = field(default_factory=dict)


def judge(facts: Facts) -> list[Finding]:
    if not facts.exists:
        remedy = way_back(facts.spares)
        if remedy is not None:
            return [Finding(CHECK, Severity.ERROR, "The vault is gone.", remedy, error="SessionNotFound", exit_code=1)]
        return [note(CHECK, "Nothing is kept here yet.", "Log in: `telekeep auth NAME`.")]
    if facts.error is not None:
        return [of_error(CHECK, facts.error)]
    findings: list[Finding] = []
    if facts.moved:
        words = "This vault was on another machine before. If its keys are still used there, Telegram ends them all."
        remedy = "When nothing there uses them any more: `telekeep vault accept --move`"
        findings.append(Finding(CHECK, Severity.ERROR, words, remedy, error="ConfigError", exit_code=6))
    if facts.sealed is not None:
        findings.append(note(CHECK, f"Not all could be checked: {facts.sealed.message}", facts.sealed.remedy))
    findings += [_broken(noun) for noun in facts.broken]
    findings += [warning(CHECK, each, "Nothing is to be done: it is fetched again.") for each in facts.notices]
    for record in facts.records:
        findings += _judged(record, facts.spares)
    if not findings:
        count = len(facts.records)
        findings.append(
            ok(CHECK, f"{count} session{'s' * (count != 1)}, all whole and as new as they were known to be.")
        )
    return findings


def _broken(noun: str) -> Finding:
    if noun == "lagging file":
        words = "Pages of the lagging file are damaged; no session is lost by it."
        return warning(CHECK, words, "Begin it anew: `telekeep recover`.", action=RebuildLagging())
    words = f"Pages of the {noun} are damaged."
    return Finding(CHECK, Severity.ERROR, words, "Put it back from a backup.", error="SessionCorrupt", exit_code=7)


def _judged(record: Record, spares: Mapping[str, float]) -> Iterable[Finding]:
    name = record.name
    if record.error is None:
        if record.damaged:
            numbers = ", ".join(map(str, record.damaged))
            words = f"Older generations of {name} are damaged ({numbers}); the one in force is whole."
            yield note(CHECK, words, f"See `telekeep history {name}`.", name=name)
        return
    if isinstance(record.error, VaultRolledBack):  # which copy is the right one is for a person to say
        yield of_error(CHECK, record.error, name=name)
        return
    action: Action | None = None
    if record.whole is not None:
        action = RollBack(name, record.whole)
        lost = record.newest - record.whole
        which = f"generation {record.whole}, the newest that is whole ({lost} older)"
        remedy = f"Roll back to {which}: `telekeep recover {name}`"
    else:
        way = way_back(spares, name) or f"Log in again: `telekeep auth {name} --replace`."
        remedy = f"No generation of it is whole. {way}"
    words = record.error.message
    yield Finding(CHECK, Severity.ERROR, words, remedy, name, type(record.error).__name__, 7, action)
