"""Why a job must not start now. Looked up in the vault and in the ledger; Telegram is not asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from telekeep.errors import TelekeepError
from telekeep.keeper.devices import too_young
from telekeep.words import span

if TYPE_CHECKING:
    from telekeep.pace.ledger import Ledger
    from telekeep.work.jobs.job import Job
    from telekeep.work.keeping import DaemonKeeper

LOCKED, SET_ASIDE = "the vault is locked", "set aside"


class Standing(NamedTuple):
    """How a session stands. ``login`` changes with its key, and when it is set aside or taken back; "" if not kept.

    ``obstacle``: why nothing may be done with it, "" if something may. ``wait``: the longest of the deadlines that
    Telegram has named for it, in seconds.
    """

    login: str = ""
    obstacle: str = ""
    wait: float = 0.0


def standing(keeper: DaemonKeeper, session: str | None) -> Standing:
    """How the session of a job stands; of a job without one, only the vault counts."""
    if keeper.is_locked:
        return Standing(obstacle=LOCKED)
    if session is None:
        return Standing()
    try:
        entry = keeper.vault.entry(session)
    except TelekeepError:  # the command says it better
        return Standing()
    aside = entry.quarantine is not None and entry.quarantine.checked
    obstacle = f"{SET_ASIDE}: {entry.quarantine.error}" if aside and entry.quarantine else ""
    return Standing(f"{entry.lease}{'-' if aside else '+'}", obstacle, _wait(keeper.ledger, session))


def _wait(ledger: Ledger, session: str) -> float:
    return max((left for each, left in ledger.shown() if each.who == session and not each.chat), default=0.0)


def wait_of(keeper: DaemonKeeper, job: Job, stands: Standing) -> float:
    """Seconds until Telegram lets this job do what it has refused, as far as it is known; 0 if it is not.

    A login ends others only when it is old enough: of a job that would, its own age counts as well.
    """
    if job.words[0] != "devices" or job.session is None:
        return stands.wait
    try:
        return max(stands.wait, too_young(keeper, job.session))
    except TelekeepError:
        return stands.wait


def told(wait: float) -> str:
    """A wait in words."""
    return f"Telegram says: not before {span(wait)}"
