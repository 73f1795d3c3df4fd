"""Who is a Celery worker that may use a session.

A worker is recognised by how it was started, argument by argument, not by a pattern over its command line: an editor, a
pager or a grep with the same words in it is none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from telekeep.guard.processes import TITLE, Process, ancestors

_PYTHON = re.compile(r"(python|pypy)[\d.]*")
# Options with a value of their own: python's (python(1)), and celery's before its command (celery --help).
_PYTHON_VALUES = frozenset({"-W", "-X", "--check-hash-based-pycs"})
_CELERY_VALUES = frozenset({"-A", "--app", "-b", "--broker", "--result-backend", "--loader", "--config", "--workdir"})


def is_celery_worker(arguments: Sequence[str]) -> bool:
    """Whether a process that was started with these is a Celery worker. Pure.

    ``celery … worker``, ``python -m celery … worker``, ``python /path/to/celery … worker``, and the title that workers
    give themselves where setproctitle is installed.
    """
    if not arguments:
        return False
    if arguments[0].startswith(TITLE):
        return True
    rest = _after_celery(arguments)
    return rest is not None and _command(rest) == "worker"


def _after_celery(arguments: Sequence[str]) -> Sequence[str] | None:
    program = os.path.basename(arguments[0])  # noqa: PTH119  # as a word
    if program == "celery":
        return arguments[1:]
    if not _PYTHON.fullmatch(program):
        return None
    at = 1
    while at < len(arguments):
        each = arguments[at]
        if each == "-m":
            return arguments[at + 2 :] if arguments[at + 1 : at + 2] in (["celery"], ("celery",)) else None
        if each in _PYTHON_VALUES:
            at += 2
        elif each.startswith("-"):
            if each in ("-", "-c"):
                return None
            at += 1
        else:
            script = Path(each)
            is_celery = script.name == "celery" or script.parts[-2:] == ("celery", "__main__.py")
            return arguments[at + 1 :] if is_celery else None
    return None


def _command(arguments: Sequence[str]) -> str | None:
    """The first word that is no option and no option's value."""
    at = 0
    while at < len(arguments):
        if arguments[at] in _CELERY_VALUES:
            at += 2
        elif arguments[at].startswith("-"):
            at += 1
        else:
            return arguments[at]
    return None


def workers(path: Path, known: Mapping[int, Process]) -> list[Process]:
    """The Celery workers that may use the session at ``path``: those that run in its folder or above it, and those that
    nobody can look at and that could read it. None if we are one ourselves, or started by one: the lease decides then.
    """
    found = [each for each in known.values() if is_celery_worker(each.arguments)]
    me = os.getpid()
    own = {me, *ancestors(me, known)}
    if any(each.pid in own for each in found):
        return []
    return [each for each in found if _is_near(each, path)]


def _is_near(worker: Process, path: Path) -> bool:
    try:
        place = Path(f"/proc/{worker.pid}/cwd").readlink()
    except FileNotFoundError:  # it has ended
        return False
    except OSError:
        return _may_read(worker.uid, path)
    return path.is_relative_to(place)


def _may_read(uid: int, path: Path) -> bool:
    if uid in (0, os.geteuid()):
        return True
    try:
        found = path.stat()
    except OSError:
        return True  # it is not there yet: whoever makes it decides
    return found.st_uid == uid or bool(found.st_mode & 0o044)
