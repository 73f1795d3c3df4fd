"""What can be mended without a person, and what cannot. Decided here, from findings; carried out in `telekeep.work`.

Never here: a login, a code, a password, the end of a session, a choice between two copies of a vault.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from telekeep.health.actions import Action, in_order
from telekeep.health.check import Finding, Severity


class Plan(NamedTuple):
    """``actions`` to carry out, in order; ``by_hand``: what only a person can do, one finding for each."""

    actions: list[Action]
    by_hand: list[Finding]


def plan(findings: Sequence[Finding], *, tried: Sequence[Action] = ()) -> Plan:
    """What to do about ``findings``. An action that was ``tried`` before and has not helped is not tried again."""
    actions = [each.action for each in findings if each.action is not None and each.action not in tried]
    by_hand = [
        each for each in findings if each.severity >= Severity.WARNING and (each.action is None or each.action in tried)
    ]
    return Plan(in_order(actions), by_hand)
