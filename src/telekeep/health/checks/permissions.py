"""Modes and owners: folders 0700, files 0600, all of them ours."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from typing import NamedTuple

from telekeep.errors import ConfigError
from telekeep.health.actions import Protect
from telekeep.health.check import Finding, Severity, of_error, ok, warning

CHECK = "permissions"


class Found(NamedTuple):
    """What lies at ``path``: ``mode`` as lstat(2) tells it, and whether it is ours. ``what``: in a word or two."""

    path: str
    what: str
    mode: int
    is_ours: bool


def judge(found: Sequence[Found]) -> list[Finding]:
    findings = [finding for each in found if (finding := _judged(each))]
    return findings or [ok(CHECK, f"{len(found)} files and folders are for their owner only.")]


def _judged(each: Found) -> Finding | None:
    wanted = 0o700 if stat.S_ISDIR(each.mode) else 0o600
    if stat.S_ISLNK(each.mode):
        error = ConfigError(f"The {each.what} {each.path} is a link.", remedy="Put what it points to in its place.")
        return of_error(CHECK, error)
    if not each.is_ours:
        error = ConfigError(
            f"The {each.what} {each.path} belongs to another user.",
            remedy=f"Run as its owner, or run: chown {each.path}",
        )
        return of_error(CHECK, error)
    mode = stat.S_IMODE(each.mode)
    if not mode & 0o077:
        return None
    action, remedy = Protect(each.path, wanted), f"Run: chmod {wanted:o} {each.path}"
    words = f"The {each.what} {each.path} is open to other users (mode {mode:04o})."
    if each.what == "settings":  # nothing of ours refuses to read it
        return warning(CHECK, words, remedy, action=action)
    return of_error(CHECK, ConfigError(words, remedy=remedy), action=action, severity=Severity.ERROR)
