"""Numbers as a person says them."""

from __future__ import annotations


def span(seconds: float) -> str:
    """How long something lasts, as a person says it: ``119 s``, ``15 min``, ``22.0 h``, ``3 days``."""
    seconds = max(0.0, seconds)
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds // 86_400:.0f} days"
