"""The private folder of a run: what its program has to know, readable by this user alone, gone when it ends.

It lies in the home's ``run/programs``. Its lock is held by the run and by the program itself: a folder whose lock is
free is one that a killed run left behind.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from telekeep.borrow.hook.telekeep_hook import files
from telekeep.borrow.hook.telekeep_hook.plan import FILE
from telekeep.paths import Home, private_folder

_LOCK = "lock"


class Folder:
    """One of them, made and locked. ``path``: where it is; ``lock``: a descriptor for the program to inherit."""

    def __init__(self, home: Home) -> None:
        programs = _programs(home)
        private_folder(home.run)
        private_folder(programs)
        with files.turn(str(programs)):  # nobody takes it for left over before it is locked
            self.path = programs / f"{os.getpid()}-{os.urandom(4).hex()}"
            self.path.mkdir(mode=0o700)
            self.lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(self.lock, fcntl.LOCK_EX)

    def write(self, plan: dict[str, Any]) -> None:
        """Leave the plan for the hook."""
        descriptor = os.open(self.path / FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(plan, file)

    def remove(self) -> None:
        """It is over, whoever else still has the lock."""
        _remove(self.path)
        os.close(self.lock)


def claims(home: Home) -> Path:
    """Where the claims on session files lie (`telekeep_hook.files`)."""
    return home.run / "files"


def sweep(home: Home) -> list[str]:
    """Remove what killed runs have left, and put back session files that nobody uses any more.

    Returns, in words, what could not be put back.
    """
    programs = _programs(home)
    if programs.is_dir():
        with files.turn(str(programs)):
            for each in programs.iterdir():
                if each.is_dir() and not files.is_locked(str(each / _LOCK)):
                    _remove(each)
    return files.sweep(str(claims(home)))


def _programs(home: Home) -> Path:
    return home.run / "programs"


def _remove(folder: Path) -> None:
    try:
        for each in folder.iterdir():
            each.unlink()
        folder.rmdir()
    except OSError:  # a program below has made a folder in it, or is just writing
        from shutil import rmtree

        rmtree(folder, ignore_errors=True)
