"""What `recover` can do by itself. Values only: who carries them out is `telekeep.work`'s and the command line's.

Nothing here deletes a session, logs in, or asks for a code.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """Something that mends a finding."""

    @property
    def words(self) -> str:
        """What is done, as one would be asked for leave: ``Close /home/…/key to other users (chmod 600)``."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Protect(Action):
    """Take the rights of other users away from the file or folder ``path``, which is ours."""

    path: str
    mode: int

    @property
    def words(self) -> str:
        return f"Close {self.path} to other users (chmod {self.mode:o})"


@dataclass(frozen=True, slots=True)
class Clear(Action):
    """Remove the file ``path``, which a process that is gone has left, and which holds nothing."""

    path: str
    left_by: str

    @property
    def words(self) -> str:
        return f"Clear {self.path}, left by {self.left_by}"


@dataclass(frozen=True, slots=True)
class RollBack(Action):
    """Put ``generation`` of the session ``name`` in force again: the newest one that is whole."""

    name: str
    generation: int

    @property
    def words(self) -> str:
        return f"Roll {self.name} back to generation {self.generation}"


@dataclass(frozen=True, slots=True)
class RebuildLagging(Action):
    """Set the damaged lagging file aside and begin a new one: update states and peers are fetched again."""

    @property
    def words(self) -> str:
        return "Begin the lagging file anew (update states and peers are fetched again)"


@dataclass(frozen=True, slots=True)
class RestartDaemon(Action):
    """Stop the daemon, if it runs, and start it."""

    @property
    def words(self) -> str:
        return "Restart the daemon"


@dataclass(frozen=True, slots=True)
class Recheck(Action):
    """Ask Telegram once more, alone, about the quarantined key of the session ``name``."""

    name: str

    @property
    def words(self) -> str:
        return f"Ask Telegram once more about the quarantined key of {self.name}"


@dataclass(frozen=True, slots=True)
class FinishRenewal(Action):
    """Finish, or undo, the renewal or fork of ``name`` that was cut off."""

    name: str

    @property
    def words(self) -> str:
        return f"Finish or undo the renewal of {self.name} that was cut off"


_ORDER = (Protect, Clear, RollBack, RebuildLagging, Recheck, FinishRenewal, RestartDaemon)


def in_order(actions: list[Action]) -> list[Action]:
    """Each once, in an order in which none undoes or hinders another: the disk first, the daemon last."""
    once = list(dict.fromkeys(actions))
    return sorted(once, key=lambda action: _ORDER.index(type(action)))
