"""Is it safe to use a session now? Pure: from what was found to one word, who it is about, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from telekeep.guard.beside import Left, Lock
from telekeep.guard.processes import Process
from telekeep.lease.holder import DAEMON, Holder
from telekeep.words import span


class State(StrEnum):
    SAFE = "safe"
    UNSAFE = "unsafe"
    CAUTION = "caution"


@dataclass(frozen=True)
class Found:
    """What was found about one session.

    ``session``: its file or name, for people · ``holders``: who has its lease (not this process) · ``openers``: who has
    its file open · ``workers``: Celery workers near it · ``left``: a face beside it · ``locks``: lock files beside it ·
    ``now``: wall-clock seconds · ``is_away``: its key was put back into a file.
    """

    session: str
    now: float
    holders: Sequence[Holder] = ()
    openers: Sequence[Process] = ()
    workers: Sequence[Process] = ()
    left: Left | None = None
    locks: Sequence[Lock] = ()
    is_away: bool = False

    @property
    def is_lent(self) -> bool:
        """Whether the daemon has it: that is no program to stop first."""
        return any(each.purpose == DAEMON for each in self.holders)


@dataclass(frozen=True)
class Verdict:
    """``line`` is the one that scripts look for; ``who`` and ``remedy`` are for people."""

    state: State
    session: str
    pids: tuple[int, ...] = ()
    who: tuple[str, ...] = ()
    remedy: str | None = None
    holder: Holder | None = field(default=None, repr=False)

    @property
    def line(self) -> str:
        if self.state is State.SAFE:
            return "✅ SAFE: No conflicts detected"
        if self.state is State.CAUTION:
            return "⚠️ CAUTION: Stale lock detected"
        pids = ", ".join(map(str, self.pids)) or "unknown"
        return f"🚫 UNSAFE: Workers running (PIDs: {pids})"

    @property
    def lines(self) -> list[str]:
        """All of it: the line, who, and what to do."""
        return [self.line, *(f"  {each}" for each in self.who), *([f"→ {self.remedy}"] if self.remedy else [])]


def judge(found: Found) -> Verdict:
    """The verdict on what was found."""
    users = _users(found)
    if users:
        pids = tuple(dict.fromkeys(pid for pid, _ in users if pid))
        told = tuple(dict.fromkeys(words for _, words in users))
        holder = found.holders[0] if found.holders else None
        return Verdict(State.UNSAFE, found.session, pids, told, _what_to_do(found, pids), holder)
    stale, remedies = _stale(found)
    if stale:
        return Verdict(State.CAUTION, found.session, who=tuple(stale), remedy=" ".join(remedies))
    return Verdict(State.SAFE, found.session)


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Of several sessions: unsafe before caution before safe, with the pids and words of all that are as bad."""
    order = (State.UNSAFE, State.CAUTION, State.SAFE)
    state = min((each.state for each in verdicts), key=order.index)
    same = [each for each in verdicts if each.state is state]
    if len(verdicts) == 1 or state is State.SAFE:
        return same[0]
    return Verdict(
        state,
        ", ".join(each.session for each in same),
        tuple(dict.fromkeys(pid for each in same for pid in each.pids)),
        tuple(f"{each.session}: {words}" for each in same for words in each.who),
        same[0].remedy,
        same[0].holder,
    )


def _users(found: Found) -> list[tuple[int, str]]:
    """Whoever uses the session, or may: pid (0: unknown) and words."""
    users = [_held(each, found) for each in found.holders]
    known = {pid for pid, _ in users}
    users += [
        (each.pid, f"process {each.pid} ({each.shown}) has {found.session} open, and does not hold the lease")
        for each in found.openers
        if each.pid not in known
    ]
    known = {pid for pid, _ in users}
    users += [
        (each.pid, f"process {each.pid} ({each.shown}) is a Celery worker that may use it")
        for each in found.workers
        if each.pid not in known
    ]
    users += [(0, f"somebody has {each.path} locked") for each in found.locks if each.is_locked]
    if found.is_away:
        users.append((0, "its key lies in a file, where a program may use it that knows nothing of telekeep"))
    if found.left is not None and found.left.is_elsewhere and not found.holders:
        users.append((found.left.holder.pid, f"{_named(found.left.holder)} used it {span(found.left.age)} ago"))
    return users


def _held(holder: Holder, found: Found) -> tuple[int, str]:
    if not holder.is_known:
        return 0, "a process that cannot be looked at holds it"
    where = f" on {holder.host}" if holder.is_elsewhere else ""
    since = span(found.now - holder.since)
    if holder.purpose == DAEMON:
        return holder.pid, f"the daemon (process {holder.pid}{where}) holds it, for {since}"
    what = f" for {holder.purpose}" if holder.purpose else ""
    return holder.pid, f"process {holder.pid}{where} ({holder.command}) holds it{what}, for {since}"


def _named(who: Holder) -> str:
    """A holder that may be on another machine, or has left a face of another kind."""
    return f"process {who.pid} on {who.host} ({who.command})" if who.is_known else "another program"


def _what_to_do(found: Found, pids: Sequence[int]) -> str:
    if found.is_lent:
        return (
            "The daemon lends it: borrow it instead of opening it (telekeep.client, `telekeep run`), or stop the "
            "daemon with `telekeep daemon stop`."
        )
    if found.is_away and not pids:
        return "`telekeep adopt --list` names the file; `telekeep adopt FILE` takes the key back."
    stop = f"kill {' '.join(map(str, pids))}" if pids else "look for them as the user who runs them"
    return (
        f"1. Stop them first ({stop}). 2. Or stop them, run yours, and start them again. 3. Or wait until they are "
        "done, and try again."
    )


def _stale(found: Found) -> tuple[list[str], list[str]]:
    """What was left by those who are gone, and what to do about it."""
    words, remedies = [], []
    if found.left is not None:
        who, info = found.left.holder, found.left.path
        if found.left.fate == "gone":
            words.append(f"process {who.pid} ({who.command}) ended without cleaning up; its lease is free again")
        elif found.left.fate == "running":
            words.append(f"process {who.pid} ({who.command}) no longer holds it, and left {info}")
        else:
            words.append(f"{_named(who)} gave its last sign of life {span(found.left.age)} ago")
        remedies.append(f"The session can be used: whoever uses it next replaces {info}.")
    for each in found.locks:
        words.append(f"{each.path} is there, and nobody has it locked")
        remedies.append(f"{each.path} means nothing; remove it when no program that made it is in use any more.")
    return words, remedies
