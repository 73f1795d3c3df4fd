"""An emulator, a daemon that lends, and clients of both kinds: what the figures of the gateway are measured on.

Emulator and daemon are processes of their own. The daemon's session and the direct clients' are authorizations of two
accounts, so that neither costs anything while the other is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from telethon import TelegramClient
from telethon.crypto import AuthKey, rsa
from telethon.network import ConnectionTcpAbridged
from telethon.sessions import MemorySession, StringSession

from telekeep import control
from telekeep.clock import SystemClock
from telekeep.lease.local import LocalLeases
from telekeep.secret import Secret
from telekeep.session import network as networks
from telekeep.session.model import Application, Session
from telekeep.session.model import AuthKey as Key
from telekeep.vault.keys.file import KeyFile
from telekeep.vault.vault import Vault

Row = tuple[str, float, float] | tuple[str, float, float, str]
API = 1, "0" * 32
_PATIENCE = 30.0  # seconds for a daemon to serve


class Place(NamedTuple):
    """An emulator, and a home whose vault has ``main``, ``main-1`` and so on, as many as were asked for.

    ``environ``: that of programs of this home · ``keys``: of the direct clients' authorizations, in hex · ``phones``:
    the accounts' numbers, first the owner's, then the direct clients'.
    """

    folder: Path
    environ: dict[str, str]
    port: int
    keys: list[str]
    phones: tuple[str, str]

    def emulator(self, verb: str, **fields: Any) -> Any:
        """Ask the emulator, for one of its own verbs or one of `bench._telegram`."""
        own = verb not in ("live", "file", "fill")
        return control.ask(self.folder / ("emulator" if own else "more"), verb, timeout=120.0, **fields)

    def delay(self, seconds: float) -> None:
        """From now on every request but help.getConfig is answered so much later."""
        self.emulator("fault", kind="delay", seconds=seconds, times=1_000_000)

    def string(self, number: int = 0) -> str:
        """A direct client's key as Telethon's own string."""
        session = StringSession()
        session.set_dc(2, "127.0.0.1", self.port)
        session.auth_key = AuthKey(bytes.fromhex(self.keys[number]))
        return str(session.save())


class Lending(NamedTuple):
    """A daemon that runs in a `Place`, and the loans it has given. ``owner``: its pid."""

    place: Place
    loans: list[dict[str, Any]]
    owner: int


@contextmanager
def place(*, direct: int = 1, owned: int = 1) -> Iterator[Place]:
    """An emulator, and a home with ``owned`` of its authorizations; ``direct`` others are for clients of their own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        program = str(Path(__file__).with_name("_telegram.py"))
        emulator = stack.enter_context(process([program, str(folder), str(owned), str(direct)]))
        found = first_line(emulator)
        environ = _furnish(folder, found["port"], found["keys"][0])
        yield Place(folder, environ, found["port"], found["keys"][1], tuple(found["phones"]))


@contextmanager
def lending(*, direct: int, loans: int) -> Iterator[Lending]:
    """A place with a daemon that has given so many loans."""
    with place(direct=direct) as where, daemon(where) as running:
        given = [ask_daemon(where, "lend", name="main", label=f"loan {n}") for n in range(loans)]
        yield Lending(where, given, running.pid)


@contextmanager
def daemon(where: Place) -> Iterator[subprocess.Popen[str]]:
    """The daemon of the home, serving."""
    with process(["-m", "telekeep", "--quiet", "daemon", "start", "--foreground"], where.environ) as running:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                ask_daemon(where, "ping", protocol=control.PROTOCOL)
                break
            except control.TelegramNetworkError:
                if time.monotonic() > end or running.poll() is not None:
                    raise
                time.sleep(0.01)
        yield running


def ask_daemon(where: Place, verb: str, **fields: Any) -> Any:
    return control.ask(where.folder / "home" / "run" / "control", verb, **fields)


@contextmanager
def process(arguments: list[str], environ: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A Python program, until the block ends."""
    command = [sys.executable, *arguments]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **pipes, text=True, env=environ) as running:
        try:
            yield running
        finally:
            running.kill()


def first_line(running: subprocess.Popen[str]) -> Any:
    """What a program has to say when it is ready, in JSON."""
    assert running.stdout is not None
    return json.loads(running.stdout.readline())


def seconds_of(command: list[str], environ: dict[str, str]) -> float:
    """How long a whole process takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *command], env=environ, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


# ---- the two kinds of clients: the same bare Telethon, with a key of its own or with a loan's


@asynccontextmanager
async def direct_client(where: Lending, number: int = 0, **options: Any) -> AsyncIterator[TelegramClient]:
    async with bare_client(2, "127.0.0.1", where.place.port, where.place.keys[number], **options) as client:
        yield client


@asynccontextmanager
async def borrower(where: Lending, number: int = 0, **options: Any) -> AsyncIterator[TelegramClient]:
    loan = where.loans[number]
    rsa.add_key(loan["server_key"], old=False)
    async with bare_client(*loan["addresses"][0], loan["key"], **options) as client:
        yield client


@asynccontextmanager
async def bare_client(dc: int, host: str, port: int, key: str, **options: Any) -> AsyncIterator[TelegramClient]:
    session = MemorySession()
    session.set_dc(dc, host, port)
    session.auth_key = AuthKey(bytes.fromhex(key))
    # a class of its own, as Telethon caches on it where the data centers of its network are
    kind = type("Client", (TelegramClient,), {"_config": None})
    client = kind(session, *API, connection=ConnectionTcpAbridged, **options)
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


# ---- a process, seen from outside


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # a thread that has just ended
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def own_kilobytes(pid: int) -> int:
    """The memory that a process shares with no other."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


# ---- inside


def _furnish(folder: Path, port: int, keys: list[str]) -> dict[str, str]:
    network = networks.load(str(folder / "network.toml"))
    application = Application(API[0], Secret(API[1].encode()))  # kept with every session that `telekeep auth` made
    clock = SystemClock()
    for name in ("leases", "home"):
        (folder / name).mkdir(mode=0o700)
    leases = LocalLeases(folder / "leases", clock=clock)
    source = KeyFile(folder / "config" / "key")
    with Vault.create(folder / "home" / "vault", source, clock=clock, marks=folder / "state") as vault:
        for number, key in enumerate(map(bytes.fromhex, keys)):
            session = Session(network.first_dc, Key(key), application=application, network=network.name)
            lease = leases.try_acquire(session.auth_key.id)
            vault.keep(f"main-{number}" if number else "main", session, fence=lease.fence, expected=None)
            lease.release()
    ours = ("TELEKEEP_", "TELEGRAM_", "PYTHONDONTWRITEBYTECODE")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),  # compiled once for all, whatever the caller's rule is
        "TELEKEEP_HOME": str(folder / "home"),
        "TELEKEEP_STATE": str(folder / "state"),
        "TELEKEEP_KEY_FILE": str(folder / "config" / "key"),
        "TELEKEEP_LEASES": str(folder / "leases"),
        "TELEKEEP_NETWORK": str(folder / "network.toml"),
    }
