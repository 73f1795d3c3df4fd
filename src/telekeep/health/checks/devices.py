"""Alarms of the daemon's watch that nobody has looked at: strangers among the logins, and copies of our keys."""

from __future__ import annotations

from collections.abc import Sequence

from telekeep.health.check import Finding, warning
from telekeep.health.logins import CLONE

CHECK = "devices"


def judge(alarms: Sequence[tuple[str, str]]) -> list[Finding]:
    """``alarms``: name of the session and id of each; the id begins with what it is."""
    found = []
    for name in sorted({name for name, _ in alarms}):
        kinds = [id.partition(" ")[0] for each, id in alarms if each == name]
        what = "somebody else has used its key" if CLONE in kinds else "a login that telekeep has not made"
        count = f"{len(kinds)} alarm{'s' * (len(kinds) != 1)}"
        words = f"{name}: {what} ({count} that nobody has looked at)."
        remedy = f"See `telekeep devices {name}`; when you know what it was, `telekeep devices seen {name}`."
        found.append(warning(CHECK, words, remedy, name=name))
    return found
