"""Renewals and forks that did not come to their end: two authorizations may be there where one is meant to be."""

from __future__ import annotations

from collections.abc import Sequence

from telekeep.health.actions import FinishRenewal
from telekeep.health.check import Finding, warning

CHECK = "renewals"


def judge(names: Sequence[str]) -> list[Finding]:
    """``names``: of the sessions with a plan in the vault."""
    return [
        warning(
            CHECK,
            f"A renewal or fork of {name} is under way, or was cut off.",
            f"If it was cut off: `telekeep recover {name}` finishes or undoes it.",
            name=name,
            action=FinishRenewal(name),
        )
        for name in names
    ]
