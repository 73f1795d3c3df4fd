"""What git knows of files that hold secrets. It is asked, with a deadline, and changes nothing; without it, nothing is
known.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from telekeep.health.checks.repository import Facts

if TYPE_CHECKING:
    from subprocess import CompletedProcess

PATTERNS = (".env", "*.session")
EXAMPLE = "telekeep-example"  # the attribute (gitattributes(5)) of session files that open nothing, such as fixtures
_SECONDS = 5

Kept = Literal["tracked", "untracked"]


def gather(folder: Path | None = None) -> Facts:
    """``folder``: the working folder, unless another is given."""
    folder = (folder or Path()).absolute()
    if not _is_under_git(folder):
        return Facts(None)
    wanted = (*PATTERNS, *(f":/**/{each}" for each in PATTERNS), f":(top,exclude,attr:{EXAMPLE})")
    listed = _git(folder, "ls-files", "-z", "--full-name", "--", *wanted)
    if listed is None or listed.returncode:
        return Facts(None)
    tracked = sorted(set(filter(None, listed.stdout.decode(errors="replace").split("\0"))))
    # asked by a name that each pattern would match, whether or not such a file is there
    not_ignored = tuple(each for each in PATTERNS if _ignored(folder, each.replace("*", "telekeep-asks")) is False)
    there = any(any(folder.glob(each)) for each in not_ignored)
    return Facts(str(folder), tuple(tracked), not_ignored, there)


def kept_by_git(path: Path) -> Kept | None:
    """``tracked``, ``untracked`` (and not ignored), or None for anything else, no git included."""
    folder = path.absolute().parent
    if not _is_under_git(folder):
        return None
    tracked = _git(folder, "ls-files", "--error-unmatch", "--", path.name)
    if tracked is not None and tracked.returncode == 0:
        return "tracked"
    return "untracked" if _ignored(folder, path.name) is False else None


def _is_under_git(folder: Path) -> bool:
    return any((each / ".git").exists() for each in (folder, *folder.parents))


def _ignored(folder: Path, name: str) -> bool | None:
    asked = _git(folder, "check-ignore", "--quiet", "--", name)
    return {0: True, 1: False}.get(asked.returncode) if asked is not None else None


def _git(folder: Path, *words: str) -> CompletedProcess[bytes] | None:
    import subprocess  # here: commands that write a session load this, and most are asked for their help or refused

    try:
        return subprocess.run(
            ["git", "-C", folder, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
