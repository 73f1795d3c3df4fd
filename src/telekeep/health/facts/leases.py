"""Who holds what, as the kernel tells."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from telekeep.clock import Clock
from telekeep.health.checks.leases import Held
from telekeep.health.checks.vault import Record
from telekeep.lease.folder import lease_folder
from telekeep.lease.holder import fate
from telekeep.lease.probe import holders


def gather(records: Iterable[Record], owned: Collection[str], *, clock: Clock) -> list[Held]:
    """``owned``: the sessions that the daemon of this home says it owns."""
    listed = [record for record in records if record.lease]
    found = holders(lease_folder(), (record.lease for record in listed))
    return [
        Held(
            record.name,
            holder := found.get(record.lease),
            fate(holder, clock=clock) if holder else None,
            by_daemon=record.name in owned,
        )
        for record in listed
    ]
