"""Version control: a key or a string that is committed stays in the history, and whoever has that has the account."""

from __future__ import annotations

from dataclasses import dataclass

from telekeep.errors import ConfigError
from telekeep.health.check import Finding, note, of_error, ok, warning

CHECK = "repository"
_MOST = 3  # tracked files that are named


@dataclass(frozen=True, slots=True)
class Facts:
    """``folder``: the working folder, None if no repository of git is above it, or git cannot be asked.

    ``tracked``: files of the repository that hold secrets by their names; ``not_ignored``: patterns that no ignore rule
    covers, and whether a file that matches is ``there``.
    """

    folder: str | None
    tracked: tuple[str, ...] = ()
    not_ignored: tuple[str, ...] = ()
    there: bool = False


def judge(facts: Facts) -> list[Finding]:
    if facts.folder is None:
        return [ok(CHECK, "The working folder is under no version control that could be asked.")]
    findings = [of_error(CHECK, _tracked(facts.tracked))] if facts.tracked else []
    if facts.not_ignored:
        words = f"Git does not ignore {' and '.join(facts.not_ignored)} in {facts.folder}."
        lines = r"\n".join(facts.not_ignored)
        remedy = f"Run: printf '{lines}\\n' >> .gitignore"
        findings.append(warning(CHECK, words, remedy) if facts.there else note(CHECK, words, remedy))
    return findings or [ok(CHECK, "Git ignores .env and *.session, and tracks none.")]


def _tracked(paths: tuple[str, ...]) -> ConfigError:
    more = len(paths) - _MOST
    named = ", ".join(paths[:_MOST]) + (f" and {more} more" if more > 0 else "")
    command, login = ("git rm --cached FILE…", "those logins") if len(paths) > 1 else (
        f"git rm --cached {paths[0]}", "that login",
    )  # fmt: skip
    return ConfigError(
        f"Git tracks {named}: whoever has the repository has the account.",
        remedy=f"Run: {command}; then end {login} under Settings › Devices, for the history keeps them.",
    )
