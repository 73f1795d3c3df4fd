"""What both clocks say now."""

from __future__ import annotations

from telekeep.clock import Clock
from telekeep.health.checks.clocks import Reading


def reading(clock: Clock) -> Reading:
    return Reading(clock.wall(), clock.boot(), clock.boot_id())
