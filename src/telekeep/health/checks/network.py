"""The network: does each data center answer?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telekeep.errors import TelegramNetworkError
from telekeep.health.check import Finding, of_error, ok, warning

CHECK = "network"
SLOW = 3.0  # seconds

_REMEDY = "Check the connection, try another network, and look whether a firewall or a proxy is in the way."


@dataclass(frozen=True, slots=True)
class Knocked:
    """What came of knocking at a data center: the seconds until it answered, or the error.

    ``skew``: seconds that our clock is ahead of its. ``is_home``: whether a session lives there.
    """

    dc_id: int
    seconds: float | None = None
    error: TelegramNetworkError | None = None
    skew: float | None = None
    is_home: bool = False


def judge(knocked: Sequence[Knocked]) -> list[Finding]:
    failed = [each for each in knocked if each.error is not None]
    if knocked and len(failed) == len(knocked):
        first = failed[0].error
        assert first is not None
        return [of_error(CHECK, TelegramNetworkError(f"No data center answers: {first.message}", remedy=_REMEDY))]
    findings = []
    for each in knocked:
        if each.error is not None:
            words = f"Data center {each.dc_id} does not answer: {each.error.message}"
            if each.is_home:
                findings.append(of_error(CHECK, TelegramNetworkError(words, remedy=_REMEDY)))
            else:
                findings.append(warning(CHECK, words, _REMEDY))
        elif each.seconds is not None and each.seconds > SLOW:
            words = f"Data center {each.dc_id} took {each.seconds:.1f} s to answer."
            findings.append(warning(CHECK, words, _REMEDY))
    quick = [each.seconds for each in knocked if each.seconds is not None]
    if not findings and quick:
        count = f"{len(quick)} data centers answer" if len(quick) > 1 else "The data center answers"
        findings.append(ok(CHECK, f"{count}, in {_median(quick) * 1000:.0f} ms."))
    return findings


def _median(values: Sequence[float]) -> float:  # the module statistics takes longer to load than all checks together
    return sorted(values)[len(values) // 2]


def skew(knocked: Sequence[Knocked]) -> float | None:
    """How many seconds our clock is ahead of Telegram's: the median, so that one liar decides nothing."""
    told = [each.skew for each in knocked if each.skew is not None]
    return _median(told) if told else None
