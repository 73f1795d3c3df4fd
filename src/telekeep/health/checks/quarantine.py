"""Quarantine: keys that Telegram has declared dead, and that nobody may call with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from telekeep.errors import TelegramAuthError
from telekeep.health.actions import Recheck
from telekeep.health.check import Finding, Severity, of_error, ok
from telekeep.words import span

CHECK = "quarantine"


class Quarantined(NamedTuple):
    """The key of the session ``name`` was set aside ``seconds`` ago, because of ``error``."""

    name: str
    error: TelegramAuthError
    seconds: float


def judge(quarantined: Sequence[Quarantined]) -> list[Finding]:
    if not quarantined:
        return [ok(CHECK, "No key is in quarantine.")]
    return [
        of_error(
            CHECK,
            type(each.error)(
                f"The key of {each.name} is in quarantine, for {span(each.seconds)}: {each.error.message}",
                remedy=f"Ask once more with `telekeep recover {each.name}`, or log in: "
                f"`telekeep auth {each.name} --replace`.",
            ),
            name=each.name,
            severity=Severity.ERROR,
            action=Recheck(each.name),
        )
        for each in quarantined
    ]
