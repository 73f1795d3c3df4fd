"""What became of a job's runs, on disk: a daemon that was killed goes on where it was."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from telekeep.errors import StorageUnavailable
from telekeep.folder import set_aside
from telekeep.paths import Home, private_folder, write_atomically

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Memory:
    """``failures``: runs in a row that ended badly; ``held``: why it is not started any more, "" if it is.

    ``held_at``: what the login of its session was like then. ``next_at``: not before, None for as its schedule says.
    ``is_stopped``: by a person. Moments are wall-clock seconds; ``code`` is the last exit code.
    """

    started_at: float | None = None
    ended_at: float | None = None
    code: int | None = None
    failures: int = 0
    next_at: float | None = None
    waits_for: str = ""
    held: str = ""
    held_at: str = ""
    is_stopped: bool = False

    def stopped(self) -> Memory:
        """A person has stopped it."""
        return replace(self, is_stopped=True)


FRESH = Memory()


class Memories:
    """What is remembered of all jobs of a home. One process writes: the daemon, or who found that there is none."""

    def __init__(self, home: Home) -> None:
        self._path = home.root / "jobs" / "runs.json"
        self._known: dict[str, Memory] | None = None

    def of(self, name: str) -> Memory:
        """What is remembered of the job ``name``."""
        return self._all().get(name, FRESH)

    def keep(self, name: str, memory: Memory) -> None:
        """Remember this; on disk when it returns. Raises StorageUnavailable if the disk refuses."""
        known = self._all()
        if known.get(name) == memory:
            return
        known[name] = memory
        self._write()

    def forget(self, name: str) -> None:
        """The job is no more."""
        if self._all().pop(name, None) is not None:
            self._write()

    def _all(self) -> dict[str, Memory]:
        if self._known is None:
            self._known = _read(self._path)
        return self._known

    def _write(self) -> None:
        private_folder(self._path.parent)
        known = {name: asdict(each) for name, each in self._all().items()}
        write_atomically(self._path, json.dumps(known, indent=1).encode())


def _read(path: Path) -> dict[str, Memory]:
    """Nothing is lost with this file but when jobs ran, and which a person has stopped: one that cannot be understood
    is set aside, and said.
    """
    try:
        inode, written = path.stat().st_ino, path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StorageUnavailable(f"{path} cannot be read: {error.strerror}.") from None
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        _set_aside(path, inode, "it is no JSON")
        return {}
    wrong = next(filter(None, map(_fault, found.items())), "") if isinstance(found, dict) else "it is no table of jobs"
    if wrong:
        _set_aside(path, inode, wrong)
        return {}
    return {name: Memory(**fields) for name, fields in found.items()}


_MOMENTS = ("started_at", "ended_at", "next_at")
_LATEST = 253_402_300_799.0  # the end of the year 9999: no later moment can be shown
_FIELDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(_MOMENTS, (float, int, type(None))),
    "code": (int, type(None)),
    "failures": (int,),
    **dict.fromkeys(("waits_for", "held", "held_at"), (str,)),
    "is_stopped": (bool,),
}


def _fault(job: tuple[str, Any]) -> str:
    """What is wrong with what was written down of a job; "" if nothing is."""
    name, fields = job
    if not isinstance(fields, dict):
        return f"what it says of {name!r} is no table"
    for key, value in fields.items():
        is_known = type(value) in _FIELDS.get(key, ())  # exactly: True is no number here
        if is_known and key in _MOMENTS and value is not None:
            is_known = 0 <= value <= _LATEST or (key == "next_at" and value == math.inf)  # a job that is done: never
        if not is_known:
            return f"it says {key} = {json.dumps(value)[:40]} of {name!r}"
    return ""


def _set_aside(path: Path, inode: int, why: str) -> None:
    try:
        aside = set_aside(path, inode=inode, stamp=int(path.stat().st_mtime))
    except OSError as error:
        raise StorageUnavailable(f"{path} cannot be understood ({why}), nor set aside: {error.strerror}.") from None
    if aside is not None:
        _log.warning(
            "%s cannot be understood: %s. It was set aside as %s; every job begins anew, also those that were stopped: "
            "look at `telekeep jobs list`.",
            path, why, aside.name,
        )  # fmt: skip
