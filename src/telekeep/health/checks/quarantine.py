"""Quarantine: keys that Telegram has declared dead, and that nobody may call with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from telekeep.errors import AccountBanned, AuthKeyDuplicated, TelegramAuthError
from telekeep.health.actions import Recheck
from telekeep.health.check import Finding, Severity, note, of_error, ok, warning
from telekeep.words import span

CHECK = "quarantine"


class Quarantined(NamedTuple):
    """The key of the session ``name`` was set aside ``seconds`` ago, because of ``error``.

    ``evidence``: what was seen then of a second user. ``company``: what is connected to the same data center now.
    ``is_sure``: Telegram has said it twice. ``asked_again``: a person had it asked about since, in vain.
    """

    name: str
    error: TelegramAuthError
    seconds: float
    evidence: tuple[str, ...] = ()
    company: tuple[str, ...] = ()
    is_sure: bool = True
    asked_again: bool = False


def judge(quarantined: Sequence[Quarantined]) -> list[Finding]:
    if not quarantined:
        return [ok(CHECK, "No key is in quarantine.")]
    return [finding for each in quarantined for finding in _judged(each)]


def _judged(each: Quarantined) -> Iterable[Finding]:
    name = each.name
    if not each.is_sure:
        words = f"Telegram refused the key of {name} once, {span(each.seconds)} ago: {each.error.message}"
        yield warning(CHECK, words, f"Whoever connects next asks again: `telekeep test {name}`.", name=name)
        return
    again = ", and Telegram stayed with it when it was asked once more" if each.asked_again else ""
    yield of_error(
        CHECK,
        type(each.error)(
            f"The key of {name} is in quarantine, for {span(each.seconds)}{again}: {each.error.message}",
            remedy=_remedy(each),
        ),
        name=name,
        severity=Severity.ERROR,
        action=None if each.asked_again else Recheck(name),
    )
    seen = [*each.evidence]
    if each.company:
        seen.append(f"Connected to its data center now: {'; '.join(each.company)}.")
    yield from (note(CHECK, f"{name}: {line}", name=name) for line in seen)


def _remedy(each: Quarantined) -> str:
    if isinstance(each.error, AccountBanned):
        last = "Write to recover@telegram.org; a new login cannot help."
    else:
        first = "find the second copy, then " if isinstance(each.error, AuthKeyDuplicated) else ""
        last = f"{first}log in again: `telekeep auth {each.name} --replace`."
    if each.asked_again:
        return last[0].upper() + last[1:]
    return f"Ask once more with `telekeep recover {each.name}`; if it stays so, {last[0].lower()}{last[1:]}"
