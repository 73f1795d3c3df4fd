"""``telekeep list``: the names of what is kept."""

from __future__ import annotations

from typing import Any

from telekeep.cli.command import Invocation, command
from telekeep.cli.output import moment
from telekeep.cli.shelf import NOTHING, borrowers, counted, entries, held, lent, open_loans, present, table, way_back


@command(epilog="Examples: telekeep list\n          for name in $(telekeep list --quiet); do telekeep test $name; done")
def list_(invocation: Invocation) -> None:
    """Show which sessions are kept, and which were set aside. With --quiet only the names of those that are kept."""
    listed, _ = entries(invocation)
    if invocation.quiet and not invocation.json:
        invocation.out.data({}, [entry.name for entry in present(listed)])
        return
    owners = lent(invocation, held(present(listed)).values())
    rows = [("NAME", "STATE", "NETWORK", "DC", "GENERATION", "KEPT SINCE", "LENT TO")]
    rows += [
        (
            e.name,
            e.state,
            e.network,
            str(e.dc_id),
            str(e.generation),
            moment(e.created_at) if e.created_at else "?",
            _lent(owners.get(e.name)),
        )
        for e in listed
    ]
    found = {
        "sessions": [
            {
                "name": entry.name,
                "state": entry.state,
                "network": entry.network,
                "dc": entry.dc_id,
                "generation": entry.generation,
                "created_at": entry.created_at,
                "saved_at": entry.saved_at,
                "owner": owners.get(entry.name),
            }
            for entry in listed
        ]
    }
    invocation.out.data(found, table(rows) if listed else _nothing(invocation))


def _nothing(invocation: Invocation) -> list[str]:
    return [NOTHING[0], f"→ {way_back(invocation, instead=NOTHING[1])}"]


def _lent(owner: dict[str, Any] | None) -> str:
    """How many loans of a session there are, and who uses them, in numbers."""
    if owner is None:
        return "-"
    return f"{counted(len(open_loans(owner)), 'loan')}, {counted(len(borrowers(owner)), 'borrower')}"
