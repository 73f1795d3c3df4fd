"""What became of a job's runs, on disk: a daemon that was killed goes on where it was."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from telekeep.errors import StorageUnavailable
from telekeep.paths import Home, private_folder, write_atomically


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
    """Nothing is lost with this file but when jobs ran: one that cannot be understood begins anew."""
    try:
        written = json.loads(path.read_bytes())
        return {str(name): Memory(**fields) for name, fields in written.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}
    except OSError as error:
        raise StorageUnavailable(f"{path} cannot be read: {error.strerror}.") from None
