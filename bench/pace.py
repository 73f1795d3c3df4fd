"""What the ledger of flood waits costs: asked before a direct call, and told of a deadline.

The call is help.getNearestDc over loopback on an emulator that is a process of its own, by one held client that asks
the gate and one that does not, turn about. The deadline is compared with one bare commit of SQLite, synchronous=FULL,
in a file of the same kind (a write-ahead log), on the same disk.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from telethon import functions

from telekeep.clock import Moment, SystemClock
from telekeep.lease.local import LocalLeases
from telekeep.pace.ledger import Deadline
from telekeep.pace.stores.local import LocalLedger
from telekeep.session import network as networks
from telekeep.session.model import AuthKey, DataCenter, Session
from telekeep.upstream.held import HeldClient, held_client
from telekeep.upstream.holding import Terms
from telekeep.upstream.record import Kept
from telekeep.vault.keys.file import KeyFile
from telekeep.vault.vault import Vault

CALLS, TURNS = 100, 120
COMMITS = 300


def measure() -> list[tuple[str, float, float]]:
    """Two rows: the median of the ratios of neighbouring turns, and the ratio of the medians."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [
            ("a direct call with the gate / without", asyncio.run(_calls(folder)), 1.03),
            ("writing a deadline / a bare FULL commit", _deadlines(folder), 3.0),
        ]


# ---- calls


class _Ungated(HeldClient):
    """A held client that asks nobody, notes nothing, and leaves errors to Telethon."""

    async def _call(self, sender: Any, request: Any, *args: Any, **options: Any) -> Any:
        hold = self._held_now()
        with hold.line.call():
            result = await super(HeldClient, self)._call(sender, request, *args, **options)
        hold.record.used()
        return result


async def _calls(folder: Path) -> float:
    script = Path(__file__).with_name("_telegram.py")
    command = [sys.executable, str(script), str(folder), "1", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as emulator:  # noqa: ASYNC220  it ends with us
        try:
            assert emulator.stdout is not None
            told = json.loads(emulator.stdout.readline())
            keys = [each[0] for each in told["keys"]]
            with_gate = _client(folder, told["port"], keys[0], HeldClient)
            without = _client(folder, told["port"], keys[1], _Ungated)
            async with with_gate, without:
                ratios = []
                for turn in range(1 + TURNS):
                    pair = []
                    for client in (without, with_gate) if turn % 2 else (with_gate, without):
                        pair.append((client is with_gate, await _seconds(client)))
                    seconds = dict(pair)
                    if turn:
                        ratios.append(seconds[True] / seconds[False])
        finally:
            emulator.kill()
    return median(ratios)


async def _seconds(client: HeldClient) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        await client(functions.help.GetNearestDcRequest())
    return time.perf_counter() - began


def _client(folder: Path, port: int, key: str, kind: type[HeldClient]) -> HeldClient:
    network = networks.load(str(folder / "network.toml"))
    clock, home = SystemClock(), folder / kind.__name__
    home.mkdir(mode=0o700)
    (folder / "leases").mkdir(mode=0o700, exist_ok=True)
    leases = LocalLeases(folder / "leases", clock=clock)
    session = Session(
        DataCenter(network.first_dc.id, "127.0.0.1", port), AuthKey(bytes.fromhex(key)), network=network.name
    )
    vault = Vault.create(home / "vault", KeyFile(home / "key"), clock=clock, marks=home / "state")
    lease = leases.try_acquire(session.auth_key.id)
    vault.keep("main", session, fence=lease.fence, expected=None)
    lease.release()
    terms = Terms("main", vault, leases, network, clock, LocalLedger(home, clock=clock))
    client: HeldClient = held_client(terms, Kept.read(vault, "main"), api_id=1, api_hash="0" * 32, kind=kind)
    return client


# ---- deadlines


def _deadlines(folder: Path) -> float:
    clock = SystemClock()
    ledger = LocalLedger(folder / "ledger", clock=clock)
    path = folder / "bare.db"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    bare = sqlite3.connect(path, isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    bare.execute("CREATE TABLE deadlines (subject TEXT PRIMARY KEY, wall REAL) WITHOUT ROWID")
    times: tuple[list[float], list[float]] = ([], [])

    def deadline(number: int) -> None:
        ledger.note(Deadline("user 1", f"messages.m{number % 20}", "FLOOD_WAIT", 3600.0, Moment.now(clock)))

    def commit(number: int) -> None:
        bare.execute("INSERT OR REPLACE INTO deadlines VALUES (?, ?)", (f"user {number % 20}", clock.wall()))

    pair = ((deadline, times[0]), (commit, times[1]))
    for number in range(COMMITS):
        for once, taken in pair if number % 2 else reversed(pair):  # whoever comes second finds the disk at work
            began = time.perf_counter()
            once(number)
            taken.append(time.perf_counter() - began)
    bare.close()
    ledger.close()
    return median(times[0]) / median(times[1])
