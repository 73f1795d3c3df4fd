"""The vault seen from outside: its list, and who holds what. Needs no key, and loads nothing that is slow to load."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from telekeep.clock import SystemClock, system_clock
from telekeep.lease.folder import lease_folder
from telekeep.lease.holder import DAEMON
from telekeep.lease.probe import holders
from telekeep.paths import home
from telekeep.vault.record import DAMAGED, KEPT, MISSING, REMOVED, ROLLED_BACK, Entry
from telekeep.vault.vault import Vault

if TYPE_CHECKING:
    from telekeep.cli.command import Invocation
    from telekeep.clock import Clock
    from telekeep.lease.holder import Holder
    from telekeep.vault.record import Health

_PATIENCE = 5.0  # seconds for the daemon to say what it lends

NOTHING = ("No session is kept here.", "Run `telekeep auth NAME` in a terminal to log in.")

REMEDIES = {
    REMOVED: "set aside: to bring it back, `telekeep remove {name} --undo`",
    DAMAGED: "damaged: `telekeep test {name}` says what of it can still be read",
    ROLLED_BACK: "older than it was: see `telekeep vault status`",
    MISSING: "gone from the vault: see `telekeep vault status`",
}


def entries(invocation: Invocation) -> tuple[list[Entry], float]:
    """What the vault lists, by name, and what time it is on the clock in force (wall-clock seconds).

    An empty list where there is no vault; what cannot be read raises the vault's errors.
    """
    listed, _, now = entries_and_health(invocation)
    return listed, now


def entries_and_health(invocation: Invocation) -> tuple[list[Entry], dict[str, Health], float]:
    """The same, and what the daemon's checks of each login come to, by the lease name of its key."""
    where, clock = home(invocation.home), clock_in_force(invocation)
    if not Vault.exists(where.vault):
        return [], {}, clock.wall()
    with Vault.open(where.vault, clock=clock, marks=where.state) as vault:
        return vault.entries(), vault.health(), clock.wall()


def clock_in_force(invocation: Invocation) -> Clock:
    """The clock in force. Raises ConfigError for a network that does not exist: a typo must not go unnoticed."""
    if invocation.network in (None, "production", "test"):  # as most often: nothing to load
        return SystemClock()
    from telekeep.session.network import load

    return system_clock(test_allowed=load(invocation.network).is_emulator)


def way_back(
    invocation: Invocation, name: str | None = None, *, besides: Container[str] = (), instead: str | None = None
) -> str | None:
    """What a backup could bring back, in one sentence, before what else there is to do (``instead``).

    Looked for only where something is gone. ``name``, ``besides``: as in `telekeep.vault.archive.spare`.
    """
    from telekeep.vault.archive import spare

    found = spare.way_back(spare.spares(home(invocation.home).backups, besides=besides), name)
    if found is None or instead is None:
        return found or instead
    return f"{found if found.endswith('.') else f'{found}.'} Otherwise: {instead}"


def ways_back(invocation: Invocation, names: Iterable[str]) -> dict[str, str]:
    """The same for several sessions: those of ``names`` that are in a backup."""
    from telekeep.vault.archive import spare

    found = spare.spares(home(invocation.home).backups)
    return {name: way for name in names if (way := spare.way_back(found, name))}


def away(invocation: Invocation) -> frozenset[str]:
    """The leases of keys that were put back into files, where telekeep does not know who uses them."""
    where = home(invocation.home)
    if not Vault.exists(where.vault):
        return frozenset()
    with Vault.open(where.vault, clock=clock_in_force(invocation), marks=where.state) as vault:
        return vault.away()


def alarms(invocation: Invocation) -> dict[str, list[dict[str, Any]]]:
    """What nobody has looked at yet, by the name of the session: kind and time of each."""
    where = home(invocation.home)
    if not Vault.exists(where.vault):
        return {}
    found: dict[str, list[dict[str, Any]]] = {}
    with Vault.open(where.vault, clock=clock_in_force(invocation), marks=where.state) as vault:
        for name, id in vault.alarm_ids():
            kind, _, rest = id.partition(" ")
            at = rest.partition(" ")[0]
            found.setdefault(name, []).append({"kind": kind, "at": float(at) if at.isdigit() else 0.0})
    return found


def held(listed: Iterable[Entry]) -> dict[str, Holder]:
    """Who holds which lease, by lease name."""
    return holders(lease_folder(), (entry.lease for entry in listed if entry.lease))


def lent(invocation: Invocation, holders: Iterable[Holder]) -> dict[str, dict[str, Any]]:
    """What the daemon says of the sessions it owns, by name: their state, loans and borrowers.

    It is asked only if one of ``holders`` is a daemon; one that does not answer says nothing.
    """
    if not any(holder.purpose == DAEMON for holder in holders):
        return {}
    from telekeep.borrow.asking import ask
    from telekeep.errors import TelekeepError

    try:
        said = ask(home(invocation.home), "status", timeout=_PATIENCE)
    except TelekeepError:
        return {}
    return {each["name"]: each for each in said["sessions"]}


def borrowers(owner: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Those who use the loans of a session now."""
    return [each for loan in owner["loans"] for each in loan["borrowers"]] if owner else []


def open_loans(owner: dict[str, Any]) -> list[dict[str, Any]]:
    """The loans of a session that are of use."""
    return [each for each in owner["loans"] if is_of_use(each)]


def is_of_use(loan: dict[str, Any]) -> bool:
    """Whether a loan is open and lasts, or is used by the program that fetched it for itself."""
    return loan["state"] == "open" and bool(loan["lasting"] or loan["borrowers"])


def counted(count: int, what: str) -> str:
    """``1 loan``, ``3 loans``."""
    return f"{count} {what}{'s' * (count != 1)}"


def present(listed: Iterable[Entry]) -> list[Entry]:
    """Those that were not set aside."""
    return [entry for entry in listed if entry.state != REMOVED]


def face(holder: Holder | None) -> dict[str, Any] | None:
    """A holder as ``--json`` shows it."""
    if holder is None:
        return None
    shown = ("pid", "command", "host", "user", "since", "fence", "purpose")
    return {name: getattr(holder, name) for name in shown}


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """``rows`` in columns, the last one ragged. The first row is the heading. A row is a line, whatever is in it."""
    rows = [[cell.replace("\n", " ") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    line = "  ".join([*(f"{{:<{width}}}" for width in widths[:-1]), "{}"]).format
    return [line(*row) for row in rows]


__all__ = [
    "KEPT",
    "NOTHING",
    "REMEDIES",
    "alarms",
    "away",
    "borrowers",
    "clock_in_force",
    "counted",
    "entries",
    "entries_and_health",
    "face",
    "held",
    "lent",
    "open_loans",
    "present",
    "table",
    "way_back",
    "ways_back",
]
