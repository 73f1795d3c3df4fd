"""The daemon: does it run, does it answer, and is it of the same release?"""

from __future__ import annotations

from dataclasses import dataclass

from telekeep.errors import ProtocolMismatch
from telekeep.health.actions import Clear, RestartDaemon
from telekeep.health.check import Finding, Severity, note, ok, warning

CHECK = "daemon"

_RESTART = "Run `telekeep daemon restart`."


@dataclass(frozen=True, slots=True)
class Facts:
    """``runs``: whether the kernel says that one has the daemon's lock; ``answers``: whether it answered just now.

    ``pid``, ``version`` and ``network``: what it says of itself. ``mismatch``: it speaks another protocol. ``ours``:
    the version and the network of this program. ``left``: files of a daemon that is gone. ``locked``: whether its
    vault is; ``over``: sessions it owned whose login is over, with the reason. ``lent``: sessions that a daemon which
    is gone has lent, and whose programs wait for another; ``jobs`` that do, too.
    """

    runs: bool
    answers: bool = False
    pid: int | None = None
    version: str | None = None
    network: str | None = None
    mismatch: ProtocolMismatch | None = None
    ours: tuple[str, str] = ("", "")
    left: tuple[str, ...] = ()
    locked: bool = False
    over: tuple[tuple[str, str], ...] = ()
    lent: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()


def judge(facts: Facts) -> list[Finding]:
    if not facts.runs and not facts.answers and facts.left and (waiting := _waiting(facts)):
        words = f"The daemon is gone without having been stopped; {waiting}."
        return [warning(CHECK, words, "Start it: `telekeep recover`.", action=RestartDaemon())]
    if not facts.runs and not facts.answers:
        findings = [ok(CHECK, "No daemon runs; the first program that borrows starts one.")]
        return findings + [
            Finding(
                CHECK,
                Severity.NOTE,
                f"A daemon that is gone has left {path}.",
                "It does no harm: `telekeep recover` clears it.",
                action=Clear(path, "a daemon that is gone"),
            )
            for path in facts.left
        ]
    who = f"The daemon (pid {facts.pid})" if facts.pid else "The daemon"
    if facts.mismatch is not None:
        return [warning(CHECK, f"{who} is of another release than this program.", _RESTART, action=RestartDaemon())]
    if not facts.answers:
        words = f"{who} runs, and does not answer."
        remedy = "It may be starting, or stopped by a signal: look again, then `telekeep daemon restart`."
        return [warning(CHECK, words, remedy, action=RestartDaemon())]
    version, network = facts.ours
    findings = []
    if facts.version != version:
        words = f"{who} is telekeep {facts.version}, this program {version}."
        may = facts.network == network  # else it would begin again on another network
        findings.append(warning(CHECK, words, _RESTART, action=RestartDaemon() if may else None))
    if facts.network != network:
        words = f"{who} speaks to the network {facts.network!r}, this command to {network!r}."
        findings.append(warning(CHECK, words, "Name its network with --network, or another home with --home."))
    if facts.locked:
        findings.append(note(CHECK, f"{who} is locked: loans are not served.", "Unlock it: `telekeep unlock`."))
    for name, why in facts.over:
        findings.append(
            note(CHECK, f"{who} no longer serves {name}: {why}.", f"Log in again: `telekeep auth {name} --replace`.")
        )
    return findings or [ok(CHECK, f"{who} runs and answers, telekeep {facts.version}.")]


def _waiting(facts: Facts) -> str:
    """What waits for a daemon, in words."""
    loans = f"loans of {', '.join(facts.lent)} are not served" if facts.lent else ""
    jobs = f"{', '.join(facts.jobs)} {'does' if len(facts.jobs) == 1 else 'do'} not run" if facts.jobs else ""
    return " and ".join(filter(None, (loans, jobs)))
