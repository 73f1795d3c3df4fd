"""Programs of other libraries: which of their releases the gateway serves, and how fully."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from telekeep.health.check import Finding, note, ok

CHECK = "programs"


class Served(NamedTuple):
    """A layer of Telegram's schema, the releases that speak it, and what of it the gateway carries.

    ``refused``: how many of its methods are refused, by name, because they cannot be translated.
    """

    layer: int
    releases: str
    methods: int
    refused: int


def judge(served: Sequence[Served]) -> list[Finding]:
    return [
        note(CHECK, f"Layer {each.layer} ({each.releases}): {each.refused} of {each.methods} methods are refused.")
        if each.refused
        else ok(CHECK, f"Layer {each.layer} ({each.releases}): every method is served.")
        for each in served
    ]
