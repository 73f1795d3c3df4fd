"""Programs of other libraries: which of their releases the gateway serves, and how fully."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from telekeep.health.check import Finding, note, ok

CHECK = "programs"


class Served(NamedTuple):
    """A layer of Telegram's schema, the releases that speak it, and what of it the gateway carries.

    ``refused``: how many of its ``methods`` are refused, by name, because they cannot be translated; both are None
    where that was not worked out.
    """

    layer: int
    releases: str
    methods: int | None = None
    refused: int | None = None


def judge(served: Sequence[Served]) -> list[Finding]:
    if not served:
        return []
    if all(each.refused is None for each in served):
        words = f"Programs of {len(served)} layers are served, {served[0].releases} to {served[-1].releases}."
        return [ok(CHECK, f"{words} How fully: `telekeep diagnostics --programs`.")]
    return [
        note(CHECK, f"Layer {each.layer} ({each.releases}): {each.refused} of {each.methods} methods are refused.")
        if each.refused
        else ok(CHECK, f"Layer {each.layer} ({each.releases}): every method is served.")
        for each in served
    ]
