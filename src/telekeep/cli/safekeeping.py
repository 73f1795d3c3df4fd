"""Does a file that holds a session lie where others can read it: open modes, or on its way into a git repository?"""

from __future__ import annotations

import stat
from pathlib import Path

from telekeep.health.facts.repository import kept_by_git


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
    known = kept_by_git(path)
    if known == "tracked":
        told.append(
            f"{path} is tracked by git: whoever has the repository has the account. Run: git rm --cached {path}; "
            "then end that login under Settings › Devices, for its history keeps it."
        )
    elif known == "untracked":
        told.append(f"Git does not ignore {path}: add it to .gitignore before it is committed.")
    return tuple(told)
