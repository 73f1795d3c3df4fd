"""A backup of 1,000 sessions, and their restore, against SQLite's own backup() of the vault's two files.

All by turns, in one process, on one disk. A backup is sealed, on disk, read back, and every record in it opened when
its time ends; SQLite's is two files, committed. The restore is the one after a lost disk: it opens the archive, makes
the vault anew, takes 1,000 leases, and has 1,000 new generations on disk.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median

from telekeep.clock import SystemClock
from telekeep.keeper.backup import back_up
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.restore import opened, restore
from telekeep.lease.local import LocalLeases
from telekeep.paths import Home
from telekeep.secret import Secret
from telekeep.session.model import Application, AuthKey, DataCenter, Peer, PeerKind, Session, UpdateState, User
from telekeep.session.network import load

SESSIONS = 1_000
PEERS = 50  # people and chats that each has met; an account in use has more
ROUNDS = 9


def measure() -> list[tuple[str, float, float]]:
    """Two rows: the ratios of the medians."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        theirs, ours, restores = [], [], []
        (folder / "leases").mkdir(mode=0o700)
        with _keeper(folder, "home") as keeper:
            _fill(keeper)
            made = back_up(keeper, None, reason="bench").path
            for number in range(1 + ROUNDS):
                once = _seconds(partial(_sqlite, keeper, folder / f"copy-{number}"))
                again = _seconds(partial(back_up, keeper, None, reason="bench"))
                with _keeper(folder, f"home-{number}") as anew:
                    back = _seconds(partial(_restore, anew, made))
                if number:  # the first one imports
                    theirs.append(once)
                    ours.append(again)
                    restores.append(back)
    return [
        (f"backup of {SESSIONS:,} sessions / SQLite's own", median(ours) / median(theirs), 5.0),
        (f"verified restore of {SESSIONS:,} sessions / SQLite's own backup", median(restores) / median(theirs), 8.0),
    ]


def _keeper(folder: Path, home: str) -> Keeper:
    clock = SystemClock()
    keeper = Keeper(Home(folder / home, folder / "key", folder / f"{home}-state"), load("production"), clock)
    keeper.leases = LocalLeases(folder / "leases", clock=clock)
    return keeper


def _fill(keeper: Keeper) -> None:
    vault = keeper.vault_for_writing()
    for number in range(SESSIONS):
        session = Session(
            DataCenter(2, "149.154.167.51"),
            AuthKey(sha256(str(number).encode()).digest() * 8),
            User(7_000_000 + number, False, f"user{number}"),
            UpdateState(1000, 2, 1_800_000_000, 3, {5: 77}),
            tuple(Peer(PeerKind.USER, each, 4242 + each, f"peer{each}", None, "A Peer") for each in range(PEERS)),
            Application(12345, Secret(b"0" * 32)),
        )
        vault.keep(f"session-{number}", session, fence=1, expected=None)


def _sqlite(keeper: Keeper, to: Path) -> None:
    to.mkdir()
    for name in ("sessions.db", "lagging.db"):
        with closing(sqlite3.connect(keeper.home.vault / name)) as source, closing(sqlite3.connect(to / name)) as copy:
            source.backup(copy)


def _restore(keeper: Keeper, archive: Path) -> None:
    assert len(restore(keeper, opened(keeper, archive)).entries) == SESSIONS


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


__all__ = ["measure"]
