"""Which machine this is.

One key used from two machines is what Telegram punishes, so the vault remembers where it lives. Only a hash of the
machine's identity is stored (as machine-id(5) asks of applications).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


def identity(environ: Mapping[str, str] = os.environ, files: tuple[Path, ...] = _FILES) -> str:
    """A name for this machine: 32 hex digits, the same after a reboot and different on another machine.

    From TELEKEEP_MACHINE (for containers, whose identity changes with every deployment), else the machine id of
    systemd or D-Bus, else the host name.
    """

    from hashlib import sha256  # here: `telekeep status` does not ask

    return sha256(b"telekeep machine " + _raw(environ, files).encode()).hexdigest()[:32]


def _raw(environ: Mapping[str, str], files: tuple[Path, ...]) -> str:
    if named := environ.get("TELEKEEP_MACHINE"):
        return f"named {named}"
    machine_id = _stored(files)
    return f"id {machine_id}" if machine_id else f"host {os.uname().nodename}"


@lru_cache(maxsize=4)  # a process stays on its machine, and asks for each session that it opens
def _stored(files: tuple[Path, ...]) -> str | None:
    for file in files:
        try:
            machine_id = file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            continue
        if len(machine_id) == 32:  # an image that is not set up yet says "uninitialized", or nothing
            return machine_id
    return None
