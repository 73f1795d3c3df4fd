"""`telekeep status` with 1,000 sessions, as a whole process, against a Python that only imports click and sqlite3."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from telekeep.clock import SystemClock
from telekeep.lease.local import LocalLeases
from telekeep.paths import Home
from telekeep.session.model import AuthKey, DataCenter, Session
from telekeep.vault.keys.file import KeyFile
from telekeep.vault.vault import Vault

SESSIONS = 1_000
HELD = 20
ROUNDS = 25
BOUND = 1.8


def measure() -> list[tuple[str, float, float]]:
    """One row: the ratio of the medians of whole processes, taken by turns."""
    with tempfile.TemporaryDirectory() as folder:
        environ = _furnish(Path(folder))
        status = [str(Path(sys.executable).with_name("telekeep")), "status"]
        bare = [sys.executable, "-c", "import click, sqlite3"]
        ours, theirs = [], []
        leases = LocalLeases(Path(environ["TELEKEEP_LEASES"]), clock=SystemClock())
        held = [leases.try_acquire(_key(number).id, purpose="bench") for number in range(HELD)]
        for turn in range(1 + ROUNDS):
            took = _seconds(bare, environ), _seconds(status, environ)
            if turn:  # the first one compiles
                theirs.append(took[0])
                ours.append(took[1])
        for lease in held:
            lease.release()
    return [(f"telekeep status with {SESSIONS:,} sessions", median(ours) / median(theirs), BOUND)]


def _furnish(folder: Path) -> dict[str, str]:
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("TELEKEEP_", "TELEGRAM_"))},
        "HOME": str(folder),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),  # compiled once for both, whatever the caller's rule is
        "TELEKEEP_LEASES": str(folder / "leases"),
    }
    for name in [name for name in environ if name.startswith("XDG_") or name == "PYTHONDONTWRITEBYTECODE"]:
        del environ[name]
    (folder / "leases").mkdir(mode=0o700)
    clock, where = SystemClock(), _home_of(environ)
    vault = Vault.create(where.vault, KeyFile(where.key_file), clock=clock, marks=where.state)
    for number in range(SESSIONS):
        session = Session(DataCenter(2, "149.154.167.51"), _key(number))
        vault.keep(f"session-{number}", session, fence=1, expected=None)
    vault.close()
    return environ


def _home_of(environ: dict[str, str]) -> Home:
    """Where a process with this environment looks: a child is asked, so that the rule stays in one place."""
    code = "from telekeep.paths import home; h = home(); print(h.root, h.key_file, h.state, sep='\\n')"
    asked = subprocess.run([sys.executable, "-c", code], env=environ, check=True, capture_output=True, text=True)
    return Home(*map(Path, asked.stdout.splitlines()))


def _key(number: int) -> AuthKey:
    return AuthKey((number + 1).to_bytes(256, "big"))


def _seconds(command: list[str], environ: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environ, check=True, stdout=subprocess.PIPE)
    return time.perf_counter() - began


__all__ = ["measure"]
