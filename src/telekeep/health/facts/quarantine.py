"""The keys that are set aside, and who could be the second user of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from telekeep.clock import Clock
from telekeep.errors import AuthKeyDuplicated
from telekeep.health.checks.quarantine import Quarantined
from telekeep.vault.record import REMOVED
from telekeep.vault.vault import Vault


def gather(
    vault: Vault, names: Sequence[str] = (), *, clock: Clock, company: Callable[[int], list[str]]
) -> list[Quarantined]:
    """``names``: the sessions to look at, none for all. ``company``: what is connected to a data center, by its id.

    Raises what the vault says.
    """
    found = []
    for entry in vault.entries():
        row = entry.quarantine
        if row is None or entry.state == REMOVED or (names and entry.name not in names):
            continue
        is_duplicated = row.ending is AuthKeyDuplicated
        found.append(
            Quarantined(
                entry.name,
                row.ending(),
                max(0.0, clock.wall() - row.at),
                tuple(row.evidence.splitlines()),
                tuple(company(entry.dc_id)) if is_duplicated else (),
                is_sure=row.checked,
                asked_again=row.asked_again,
            )
        )
    return found
