"""Numbers as a person says them, and commands as a person can type them."""

from __future__ import annotations

import re
import time

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_SPAN = r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)"


def span(seconds: float) -> str:
    """How long something lasts, as a person says it: ``119 s``, ``15 min``, ``22.0 h``, ``3 days``."""
    seconds = max(0.0, seconds)
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds // 86_400:.0f} days"


def remaining(seconds: float) -> str:
    """How long something still lasts, in full: ``19.2 hours remaining``."""
    seconds = max(0.0, seconds)
    if seconds < 120:
        return f"{seconds:.0f} seconds remaining"
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes remaining"
    return f"{seconds / 3600:.1f} hours remaining" if seconds < 259_200 else f"{seconds / 86_400:.1f} days remaining"


def moment(at: float) -> str:
    """A wall-clock time as its owner reads it: ``2026-03-01 14:05``."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def timeline(seconds: float, until: float) -> str:
    """Both: ``19.2 hours remaining, until 2026-11-21 14:05``."""
    return f"{remaining(seconds)}, until {moment(until)}"


def seconds_of(text: str) -> float | None:
    """A span as a person types it, in seconds: ``90s``, ``15m``, ``8h``, ``30d``. None if it is none, or no time."""
    found = re.fullmatch(_SPAN, text.strip().lower())
    return float(found[1]) * _UNITS[found[2]] or None if found else None


def fitted(remedy: str | None, name: str | None) -> str | None:
    """``remedy`` as it can be typed: the command it names, with ``name`` in the place of NAME."""
    if remedy is None or name is None:
        return remedy
    return re.sub(r"(\btelekeep [a-z-]+ )NAME\b", lambda found: found[1] + name, remedy)
