"""``telekeep lock``: let the daemon forget the vault's key."""

from __future__ import annotations

from telekeep.cli.command import Invocation, command
from telekeep.errors import OwnerAbsent


@command(epilog="Example: telekeep lock")
def lock(invocation: Invocation) -> None:
    """Let the daemon forget the vault's key and let all sessions go. Nothing is lent until `telekeep unlock`.

    Programs that hold a session themselves, and the key file of a vault that has one, are not touched.
    """
    from telekeep.borrow.asking import ask, home_of

    try:
        with invocation.out.progress("Letting all sessions go"):
            ask(home_of(invocation.home), "lock")
        found, words = True, "The daemon is locked."
    except OwnerAbsent:
        found, words = False, "No daemon runs, so none has the key."
    invocation.out.data({"locked": True, "running": found}, () if invocation.quiet else [words])
