"""Leases: who holds which session now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from telekeep.health.check import Finding, note, ok, warning
from telekeep.lease.holder import Fate, Holder
from telekeep.words import span

CHECK = "lease"


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds the session ``name`` (None: nobody), and what is known of that process.

    ``by_daemon``: whether the daemon of this home says that it owns it.
    """

    name: str
    holder: Holder | None
    fate: Fate | None = None
    by_daemon: bool = False


def judge(held: Sequence[Held], *, now: float) -> list[Finding]:
    findings = [finding for each in held for finding in _judged(each, now)]
    free = sum(each.holder is None for each in held)
    if free:
        findings.append(ok(CHECK, f"{free} session{'s' * (free != 1)} held by nobody."))
    return findings


def _judged(each: Held, now: float) -> Iterable[Finding]:
    holder, name = each.holder, each.name
    if holder is None:
        return
    if not holder.is_known:
        words = f"{name} is held by a process that cannot be looked at."
        yield warning(CHECK, words, "Look for it as the user who runs it, or as root.", name=name)
        return
    since = span(now - holder.since)
    if each.by_daemon:
        yield ok(CHECK, f"{name} is held by the daemon (pid {holder.pid}), for {since}.", name=name)
        return
    where = f" on {holder.host}" if holder.is_elsewhere else ""
    who = f"pid {holder.pid} of {holder.user}{where} ({holder.command})"
    if each.fate == "gone":  # a process forked from it still has the lock, or it runs where we cannot see it
        words = f"{name} is held, and {who}, who took it, is gone: a child of it may live on."
        remedy = "Find the process that has the lease file open, with lsof or fuser, and end it."
        yield warning(CHECK, words, remedy, name=name)
    else:
        yield note(CHECK, f"{name} is held by {who}, for {since}.", name=name)
