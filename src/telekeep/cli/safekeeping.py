"""Does a file that holds a session lie where others can read it: open modes, or on its way into a git repository?"""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

_GIT_SECONDS = 5


def dangers(path: Path) -> tuple[str, ...]:
    """What is dangerous about where ``path`` lies, one sentence each, with the command that mends it.

    Whoever has the file has the account, so it belongs to its owner alone (mode 0600) and into no history.
    """
    try:
        found = path.lstat()
    except OSError:
        return ()
    told = []
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISREG(found.st_mode) and mode & 0o077:
        told.append(f"{path} is open to other users (mode {mode:04o}). Run: chmod 600 {path}")
    kept_by_git = _in_git(path)
    if kept_by_git == "tracked":
        told.append(
            f"{path} is tracked by git: whoever has the repository has the account. Run: git rm --cached {path}; "
            "then end that login under Settings › Devices, for its history keeps it."
        )
    elif kept_by_git == "untracked":
        told.append(f"Git does not ignore {path}: add it to .gitignore before it is committed.")
    return tuple(told)


def _in_git(path: Path) -> str | None:
    """``tracked``, ``untracked`` (and not ignored), or None for anything else, no git included."""
    folder = path.absolute().parent
    if not any((each / ".git").exists() for each in (folder, *folder.parents)):
        return None
    if _git(folder, "ls-files", "--error-unmatch", "--", path.name) == 0:
        return "tracked"
    return "untracked" if _git(folder, "check-ignore", "--quiet", "--", path.name) == 1 else None


def _git(folder: Path, *words: str) -> int | None:
    try:
        done = subprocess.run(
            ["git", "-C", folder, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_GIT_SECONDS,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode
