"""A script that opens a held client, calls get_me and ends, against the same script on bare Telethon with the same key.

Whole processes, by turns, on an emulator that is a process of its own. What is compared is what a user would write:
bare Telethon with a StringSession, ours with the vault, the lease, catching up and writing back.
"""

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
from telekeep.secret import Secret
from telekeep.session import formats
from telekeep.session import network as networks
from telekeep.session.model import Application, AuthKey, DataCenter, Session
from telekeep.vault.keys.file import KeyFile
from telekeep.vault.vault import Vault

ROUNDS = 41
BOUND = 1.15

_EMULATOR = """
import asyncio, pathlib, sys
from telekeep.emulator import Emulator
from telekeep.session import network

async def main():
    async with Emulator() as telegram:
        session = telegram.mint(telegram.add_account())
        pathlib.Path(sys.argv[1]).write_text(network.dump(telegram.network))
        print(session.dc.port, session.auth_key.reveal().hex(), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""

_HELD = """
import asyncio, telekeep

async def main():
    async with telekeep.client("main", direct=True) as client:
        print((await client.get_me()).id)

asyncio.run(main())
"""

_BARE = """
import asyncio, os
from telethon import TelegramClient
from telethon.sessions import StringSession

async def main():
    async with TelegramClient(StringSession(os.environ["BARE"]), 1, "0" * 32) as client:
        print((await client.get_me()).id)

asyncio.run(main())
"""


def measure() -> list[tuple[str, float, float]]:
    """One row: the median of the ratios of two whole processes that ran one after the other."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with subprocess.Popen(
            [sys.executable, "-c", _EMULATOR, str(folder / "network.toml")], stdout=subprocess.PIPE, text=True
        ) as emulator:
            try:
                assert emulator.stdout is not None
                port, key = emulator.stdout.readline().split()
                environ = _furnish(folder, int(port), AuthKey(bytes.fromhex(key)))
                held, bare = _program(folder / "held.py", _HELD), _program(folder / "bare.py", _BARE)
                ratios = []
                for turn in range(1 + ROUNDS):
                    pair = (_seconds(bare, environ), _seconds(held, environ))
                    if turn:  # the first one compiles
                        ratios.append(pair[1] / pair[0])
            finally:
                emulator.kill()
    return [("a script with a held client", median(ratios), BOUND)]


def _furnish(folder: Path, port: int, key: AuthKey) -> dict[str, str]:
    network = networks.load(str(folder / "network.toml"))
    application = Application(1, Secret(b"0" * 32))  # kept with every session that `telekeep auth` made
    home = DataCenter(network.first_dc.id, "127.0.0.1", port)
    session = Session(home, key, application=application, network=network.name)
    clock = SystemClock()
    (folder / "leases").mkdir(mode=0o700)
    (folder / "home").mkdir(mode=0o700)
    vault = Vault.create(
        folder / "home" / "vault", KeyFile(folder / "config" / "key"), clock=clock, marks=folder / "state"
    )
    with vault:
        lease = LocalLeases(folder / "leases", clock=clock).try_acquire(key.id)
        vault.keep("main", session, fence=lease.fence, expected=None)
        lease.release()
    ours = ("TELEKEEP_", "TELEGRAM_", "PYTHONDONTWRITEBYTECODE")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),  # compiled once for both, whatever the caller's rule is
        "TELEKEEP_HOME": str(folder / "home"),
        "TELEKEEP_STATE": str(folder / "state"),
        "TELEKEEP_KEY_FILE": str(folder / "config" / "key"),
        "TELEKEEP_LEASES": str(folder / "leases"),
        "TELEKEEP_NETWORK": str(folder / "network.toml"),
        "BARE": formats.FORMATS["telethon-string"].write(session).decode(),
    }


def _program(path: Path, text: str) -> list[str]:
    path.write_text(text)
    return [sys.executable, str(path)]


def _seconds(command: list[str], environ: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environ, check=True, stdout=subprocess.PIPE)
    return time.perf_counter() - began


__all__ = ["measure"]
