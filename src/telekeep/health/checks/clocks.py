"""The clock: Telegram refuses messages of another time, and deadlines are counted by it.

A client whose clock is 300 s behind or 30 s ahead is told so and corrects itself (core.telegram.org/mtproto/
service_messages_about_messages); what is written down by a clock that is wrong stays wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from telekeep.health.check import Finding, ok, warning
from telekeep.words import span

CHECK = "clock"
SKEW = 30.0  # seconds
JUMP = 120.0  # seconds between two readings that no slewing explains

_REMEDY = "Let the machine set its clock from the network; with systemd, run: sudo timedatectl set-ntp true"


@dataclass(frozen=True, slots=True)
class Reading:
    """Both clocks at one moment of one boot, in seconds."""

    wall: float
    boot: float
    boot_id: str


@dataclass(frozen=True, slots=True)
class Facts:
    """``skew``: seconds that our clock is ahead of Telegram's (the median of all data centers), None if not asked.

    ``now`` and ``before``: readings of both clocks, the earlier one of the last check, None if there was none.
    """

    skew: float | None
    now: Reading
    before: Reading | None = None


def judge(facts: Facts) -> list[Finding]:
    findings = []
    jump = jumped(facts.before, facts.now)
    if facts.skew is not None and abs(facts.skew) > SKEW:
        words = f"The clock is {span(abs(facts.skew))} {'ahead of' if facts.skew > 0 else 'behind'} Telegram's."
        findings.append(warning(CHECK, words, _REMEDY))
    if jump is not None and abs(jump) > JUMP:
        words = f"The clock was set {'forward' if jump > 0 else 'back'} by {span(abs(jump))} since the last check."
        findings.append(warning(CHECK, words, _REMEDY))
    if findings:
        return findings
    if facts.skew is None:
        return [ok(CHECK, "The clock runs steadily. Telegram's was not asked.")]
    return [ok(CHECK, f"The clock agrees with Telegram's (within {max(1.0, abs(facts.skew)):.0f} s).")]


def jumped(before: Reading | None, now: Reading) -> float | None:
    """By how many seconds somebody set the wall clock between two readings of one boot; None if none can tell."""
    if before is None or before.boot_id != now.boot_id or before.boot > now.boot:
        return None
    return (now.wall - before.wall) - (now.boot - before.boot)
