"""Versions: what this is made of, and whether it was tested together."""

from __future__ import annotations

from dataclasses import dataclass

from telekeep.health.check import Finding, note, ok, warning

CHECK = "versions"
OLDEST_TELETHON, NEWEST_TELETHON = (1, 40), (1, 45)


@dataclass(frozen=True, slots=True)
class Facts:
    """``layer``: of Telethon's schema, None where it was not loaded. ``cryptg``: its version, None if it is absent."""

    telekeep: str
    telethon: str
    layer: int | None
    python: str
    sqlite: str
    cryptg: str | None


def judge(facts: Facts) -> list[Finding]:
    layer = f" (layer {facts.layer})" if facts.layer else ""
    told = f"telekeep {facts.telekeep}, Telethon {facts.telethon}{layer}, Python {facts.python}, SQLite {facts.sqlite}"
    findings = [ok(CHECK, f"{told}, {f'cryptg {facts.cryptg}' if facts.cryptg else 'no cryptg'}.")]
    number = _number(facts.telethon)
    if not OLDEST_TELETHON <= number <= NEWEST_TELETHON:
        words = f"Telethon {facts.telethon} was never tested with this telekeep."
        findings.append(warning(CHECK, words, "Run: pip install 'telethon>=1.40,<1.46'"))
    if facts.cryptg is None:
        findings.append(note(CHECK, "Without cryptg, encryption takes ten times as long.", "Run: pip install cryptg"))
    return findings


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split(".")[:2])
