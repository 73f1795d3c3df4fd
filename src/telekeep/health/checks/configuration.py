"""Settings: do they contradict each other, and is there an api id and hash for whoever needs them?"""

from __future__ import annotations

from dataclasses import dataclass

from telekeep.errors import ConfigError
from telekeep.health.check import Finding, note, of_error, ok

CHECK = "configuration"


@dataclass(frozen=True, slots=True)
class Facts:
    """``error``: what the settings contradict themselves in; ``missing``: that api id or hash is not set.

    ``source``: where the api id comes from. ``without``: sessions kept without an application of their own.
    ``string``: where a session string is set that another program uses.
    """

    error: ConfigError | None = None
    missing: ConfigError | None = None
    source: str | None = None
    without: tuple[str, ...] = ()
    string: str | None = None


def judge(facts: Facts) -> list[Finding]:
    if facts.error is not None:
        return [of_error(CHECK, facts.error)]
    findings = []
    if facts.missing is None:
        findings.append(ok(CHECK, f"Api id and hash are set ({facts.source})."))
    elif facts.without:
        names = _listed(facts.without)
        lacking = ConfigError(
            f"{facts.missing.message} {names} {'was' if len(facts.without) == 1 else 'were'} kept without any.",
            remedy=facts.missing.remedy,
        )
        findings.append(of_error(CHECK, lacking))
    else:
        findings.append(note(CHECK, "Api id and hash are not set; only a new login needs them.", facts.missing.remedy))
    if facts.string is not None:
        findings.append(
            note(
                CHECK,
                f"A session string is set ({facts.string}): whoever reads it has the account, and two programs that "
                "use it end it.",
                "Keep it in the vault instead: `telekeep import --name NAME`.",
            )
        )
    return findings


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
