"""`telekeep diagnostics` for 100 sessions, as a whole process, against one that opens 100 bare clients of Telethon,
connects them all at once and asks each who it is.

By turns, on an emulator that is a process of its own; each of 100 accounts has two authorizations, one for each side.
Ours opens a vault, takes 100 leases (in memory, as /run/lock is), and asks each account besides who else is logged in
and when logins end; theirs has 100 strings.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from telekeep.clock import SystemClock
from telekeep.secret import Secret
from telekeep.session import formats
from telekeep.session import network as networks
from telekeep.session.model import Application, AuthKey, DataCenter, Session
from telekeep.vault.keys.file import KeyFile
from telekeep.vault.vault import Vault

SESSIONS = 100
ROUNDS = 9
BOUND = 2.0

_EMULATOR = """
import asyncio, json, pathlib, sys
from telekeep.emulator import Emulator
from telekeep.session import network

async def main():
    async with Emulator() as telegram:
        accounts = [telegram.add_account(f"999662{number:04}") for number in range(int(sys.argv[2]))]
        keys = [[telegram.mint(each).auth_key.reveal().hex() for each in accounts] for _ in range(2)]
        pathlib.Path(sys.argv[1]).write_text(network.dump(telegram.network))
        print(json.dumps({"port": telegram.network.first_dc.port, "keys": keys}), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""

_BARE = """
import asyncio, sys
from telethon import TelegramClient
from telethon.sessions import StringSession

async def one(text):
    client = TelegramClient(StringSession(text), 1, "0" * 32, receive_updates=False)
    await client.connect()
    me = await client.get_me()
    await client.disconnect()
    return me.id

async def main():
    with open(sys.argv[1]) as strings:
        print(len(await asyncio.gather(*map(one, strings.read().split()))))

asyncio.run(main())
"""


def measure() -> list[tuple[str, float, float]]:
    """One row: the median of the ratios of two whole processes that ran one after the other."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory(dir=memory) as leases:
        folder = Path(name)
        emulator = [sys.executable, "-c", _EMULATOR, str(folder / "network.toml"), str(SESSIONS)]
        with subprocess.Popen(emulator, stdout=subprocess.PIPE, text=True) as running:
            try:
                assert running.stdout is not None
                told = json.loads(running.stdout.readline())
                ours, theirs = ([AuthKey(bytes.fromhex(key)) for key in keys] for keys in told["keys"])
                home = DataCenter(networks.load(str(folder / "network.toml")).first_dc.id, "127.0.0.1", told["port"])
                environ = _furnish(folder, home, ours) | {"TELEKEEP_LEASES": leases}
                strings = folder / "strings"
                write = formats.FORMATS["telethon-string"].write
                strings.write_text("\n".join(write(Session(home, key)).decode() for key in theirs))
                diagnostics = [str(Path(sys.executable).with_name("telekeep")), "diagnostics", "--json"]
                bare = [sys.executable, "-c", _BARE, str(strings)]
                ratios = []
                for turn in range(1 + ROUNDS):
                    pair = _seconds(bare, environ, _answered), _seconds(diagnostics, environ, _valid)
                    if turn:  # the first one compiles
                        ratios.append(pair[1] / pair[0])
            finally:
                running.kill()
    return [(f"diagnostics of {SESSIONS} sessions, against as many bare clients", median(ratios), BOUND)]


def _environment(folder: Path) -> dict[str, str]:
    ours = ("TELEKEEP_", "TELEGRAM_", "PYTHONDONTWRITEBYTECODE")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),  # compiled once for both, whatever the caller's rule is
        "TELEKEEP_HOME": str(folder / "home"),
        "TELEKEEP_STATE": str(folder / "state"),
        "TELEKEEP_KEY_FILE": str(folder / "config" / "key"),
        "TELEKEEP_NETWORK": str(folder / "network.toml"),
    }


def _furnish(folder: Path, home: DataCenter, keys: list[AuthKey]) -> dict[str, str]:
    network = networks.load(str(folder / "network.toml"))
    application = Application(1, Secret(b"0" * 32))  # kept with every session that `telekeep auth` made
    clock = SystemClock()
    (folder / "home").mkdir(mode=0o700)
    with Vault.create(
        folder / "home" / "vault", KeyFile(folder / "config" / "key"), clock=clock, marks=folder / "state"
    ) as vault:
        for number, key in enumerate(keys):
            session = Session(home, key, application=application, network=network.name)
            vault.keep(f"session-{number}", session, fence=1, expected=None)
    return _environment(folder)


def _answered(said: bytes) -> int:
    return int(said)


def _valid(said: bytes) -> int:
    found = json.loads(said)["findings"]
    return sum((each["check"], each["severity"]) == ("authorization", "ok") for each in found)


def _seconds(command: list[str], environ: dict[str, str], count: Callable[[bytes], int]) -> float:
    """How long it took; it must have reached every session. (Logins of today are a warning, and so an exit code.)"""
    began = time.perf_counter()
    said = subprocess.run(command, env=environ, stdout=subprocess.PIPE).stdout
    took = time.perf_counter() - began
    if count(said) != SESSIONS:
        raise RuntimeError(f"not every session was reached: {said[:2000].decode(errors='replace')}")
    return took


__all__ = ["measure"]
