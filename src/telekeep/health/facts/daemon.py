"""What the daemon of a home says of itself, and what one that is gone has left."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

from telekeep.borrow.asking import ask, hail
from telekeep.errors import ProtocolMismatch, TelekeepError
from telekeep.health.checks.daemon import Facts
from telekeep.paths import Home

FACE = "daemon.toml"
_PATIENCE = 5.0  # seconds


def gather(home: Home, ours: tuple[str, str], *, runs: Callable[[], bool]) -> tuple[Facts, list[dict[str, Any]]]:
    """The facts, and what the daemon says of each session it owns.

    ``ours``: version and network of this program. ``runs``: asks the kernel whether a daemon has its lock.
    """
    lock = runs()
    pid = _pid(home)
    try:
        said = hail(home)
    except ProtocolMismatch as error:
        return Facts(lock, pid=pid, mismatch=error, ours=ours), []
    if said is None:
        left = () if lock else tuple(str(path) for path in (home.run / FACE, home.control) if path.exists())
        return Facts(lock, pid=pid if lock else None, ours=ours, left=left), []
    status: dict[str, Any] = {}
    answers = True
    try:
        status = ask(home, "status", timeout=_PATIENCE)
    except TelekeepError:
        answers = False
    sessions = list(status.get("sessions", ()))
    over = tuple(
        (str(each["name"]), str(each["state"]))
        for each in sessions
        if each.get("state") not in ("connected", "connecting")
    )
    return (
        Facts(
            True,
            answers,
            pid=said.get("pid"),
            version=said.get("version"),
            network=said.get("network"),
            ours=ours,
            locked=bool(status.get("locked")) and status.get("key_source") is not None,
            over=over,
        ),
        sessions,
    )


def _pid(home: Home) -> int | None:
    try:
        return int(tomllib.loads((home.run / FACE).read_text())["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
