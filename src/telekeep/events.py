"""What happened: one frozen dataclass per event, and listeners that hear of it.

Events hold names and numbers, never secrets: they may be logged, shown and sent elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the session, or the job, ``name`` at ``at`` (wall-clock seconds)."""

    name: str
    at: float


@dataclass(frozen=True, slots=True)
class LeaseTaken(Event):
    fence: int


@dataclass(frozen=True, slots=True)
class LeaseGone(Event):
    reason: str


@dataclass(frozen=True, slots=True)
class SessionSaved(Event):
    generation: int


@dataclass(frozen=True, slots=True)
class LoggedIn(Event):
    user_id: int


@dataclass(frozen=True, slots=True)
class Renewed(Event):
    """Another authorization of the same account is kept under its name."""

    generation: int


@dataclass(frozen=True, slots=True)
class SessionChecked(Event):
    """Telegram was asked about it: ``outcome`` is "ok" or what stood in the way, ``error`` the class of that."""

    outcome: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class LoginsKnown(Event):
    """The logins of its account were looked at for the first time: these ``count`` are taken for known."""

    count: int


@dataclass(frozen=True, slots=True)
class LoginAlarm(Event):
    """``kind`` "stranger": a login of its account that nobody made through telekeep; "clone": its own key was used by
    somebody else. ``words``: one sentence; ``app``, ``model``, ``ip``, ``country`` as Telegram lists them.
    """

    kind: str
    words: str
    app: str = ""
    model: str = ""
    ip: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Flooded(Event):
    """Telegram has said "not before": ``method`` in ``seconds``, at ``until`` (wall-clock seconds)."""

    method: str
    seconds: float
    until: float


@dataclass(frozen=True, slots=True)
class WaitingOut(Event):
    """A call of ``method`` waits until ``until``, ``seconds`` from now, as Telegram has asked."""

    method: str
    seconds: float
    until: float


@dataclass(frozen=True, slots=True)
class WaitOver(Event):
    """A call of ``method`` waits no more: its time has come, or whoever made it has given it up."""

    method: str


@dataclass(frozen=True, slots=True)
class JobStarted(Event):
    pid: int


@dataclass(frozen=True, slots=True)
class JobEnded(Event):
    """``outcome``: how, in words; ``held``: why it is not started again, "" if it is."""

    outcome: str
    held: str = ""


Listener = Callable[[Event], None]


class Events:
    """A list of listeners. A listener that fails is its own fault: it must not harm who reports."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every event from now on; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def report(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:
                import logging

                logging.getLogger(__name__).exception("a listener failed on %s", type(event).__name__)
