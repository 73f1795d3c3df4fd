"""A finding: what a check has to say, how bad it is, and what to do next.

A check is a function from facts to findings. It reads nothing, waits for nothing and knows no secret: whatever it needs
was gathered before (`telekeep.health.facts`), so that every judgement can be tested with facts written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from telekeep.errors import SessionConflict, TelekeepError

if TYPE_CHECKING:
    from telekeep.health.actions import Action

CAUTION = 8

_COMMAND = re.compile(r"`([^`]+)`")
_RUN = re.compile(r"\b[Rr]un: (.+?)(?:; |\.$|$)")


class Severity(IntEnum):
    """How bad it is. A note is worth knowing; a warning will hurt one day; an error hurts now."""

    OK = 0
    NOTE = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What ``check`` found, about the session ``name`` or about the whole home.

    ``words``: one sentence. ``remedy``: one more, which names the next command. ``error``: the class of the error that
    was met, ``exit_code`` what a command ends with for it. ``action``: what `recover` can do about it.
    """

    check: str
    severity: Severity
    words: str
    remedy: str | None = None
    name: str | None = None
    error: str | None = None
    exit_code: int = 0
    action: Action | None = None

    @property
    def command(self) -> str | None:
        """The command to type next, as the remedy names it."""
        if self.remedy is None:
            return None
        found = _COMMAND.search(self.remedy) or _RUN.search(self.remedy)
        return found[1] if found else None

    def facts(self) -> dict[str, Any]:
        """What ``--json`` shows."""
        return {
            "check": self.check,
            "severity": self.severity.name.lower(),
            "session": self.name,
            "finding": self.words,
            "remedy": self.remedy,
            "command": self.command,
            "error": self.error,
            "mends": self.action.words if self.action else None,
        }


def ok(check: str, words: str, *, name: str | None = None) -> Finding:
    return Finding(check, Severity.OK, words, name=name)


def note(check: str, words: str, remedy: str | None = None, *, name: str | None = None) -> Finding:
    return Finding(check, Severity.NOTE, words, remedy, name)


def warning(check: str, words: str, remedy: str, *, name: str | None = None, action: Action | None = None) -> Finding:
    return Finding(check, Severity.WARNING, words, remedy, name, exit_code=CAUTION, action=action)


def of_error(
    check: str,
    error: TelekeepError,
    *,
    name: str | None = None,
    action: Action | None = None,
    severity: Severity | None = None,
) -> Finding:
    """The finding that ``error`` is. Somebody else's use of a session is worth a note: nothing is wrong with it."""
    if severity is None:
        severity = Severity.NOTE if isinstance(error, SessionConflict) else Severity.ERROR
    remedy = error.remedy
    if remedy is not None and name is not None:
        remedy = re.sub(r"(\btelekeep [a-z-]+ )NAME\b", lambda found: found[1] + name, remedy)
    code = error.exit_code if severity is Severity.ERROR else CAUTION if severity is Severity.WARNING else 0
    return Finding(check, severity, error.message, remedy, name, type(error).__name__, code, action)


def worst(findings: Iterable[Finding]) -> Severity:
    """How bad the worst of them is; OK if there is none."""
    return max((each.severity for each in findings), default=Severity.OK)


def exit_code(findings: Iterable[Finding]) -> int:
    """What a command that found all this ends with: by the worst, and of several as bad, by the first.

    Checks run from the ground up (settings, disk, vault, network, login), so the first error is the likeliest cause of
    those after it. 8 for mere warnings, 0 for notes.
    """
    told = list(findings)
    worst_of_all = worst(told)
    if worst_of_all <= Severity.NOTE:
        return 0
    return next(each.exit_code for each in told if each.severity is worst_of_all) or CAUTION
