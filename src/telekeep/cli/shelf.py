"""The vault seen from outside: its list, and who holds what. Needs no key, and loads nothing that is slow to load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from telekeep.clock import SystemClock, system_clock
from telekeep.lease.folder import lease_folder
from telekeep.lease.probe import holders
from telekeep.paths import home
from telekeep.vault.record import DAMAGED, KEPT, MISSING, REMOVED, ROLLED_BACK, Entry
from telekeep.vault.vault import Vault

if TYPE_CHECKING:
    from telekeep.cli.command import Invocation
    from telekeep.clock import Clock
    from telekeep.lease.holder import Holder

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
    where, clock = home(invocation.home), _clock(invocation)
    if not Vault.exists(where.vault):
        return [], clock.wall()
    with Vault.open(where.vault, clock=clock, marks=where.state) as vault:
        return vault.entries(), clock.wall()


def _clock(invocation: Invocation) -> Clock:
    """The clock in force. Raises ConfigError for a network that does not exist: a typo must not go unnoticed."""
    if invocation.network in (None, "production", "test"):  # as most often: nothing to load
        return SystemClock()
    from telekeep.session.network import load

    return system_clock(test_allowed=load(invocation.network).is_emulator)


def held(listed: Iterable[Entry]) -> dict[str, Holder]:
    """Who holds which lease, by lease name."""
    return holders(lease_folder(), (entry.lease for entry in listed if entry.lease))


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
    """``rows`` in columns, the last one ragged. The first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    line = "  ".join([*(f"{{:<{width}}}" for width in widths[:-1]), "{}"]).format
    return [line(*row) for row in rows]


__all__ = ["KEPT", "NOTHING", "REMEDIES", "entries", "face", "held", "present", "table"]
