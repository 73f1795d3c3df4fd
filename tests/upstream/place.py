"""A kept session on a Telegram of our own, and a wire between the two that can be cut, frozen and mended."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from telekeep.clock import SystemClock
from telekeep.emulator import Emulator
from telekeep.events import Events
from telekeep.lease.local import LocalLeases
from telekeep.mtproto.schema import functions, types
from telekeep.pace.stores.local import LocalLedger
from telekeep.session import network as networks
from telekeep.session.model import Session, UpdateState
from telekeep.session.network import Network
from telekeep.upstream.held import HeldClient, held_client
from telekeep.upstream.holding import Terms
from telekeep.upstream.record import Kept
from telekeep.vault.keys.file import KeyFile
from telekeep.vault.vault import Vault

PHONE = "9996621234"
API = {"api_id": 1, "api_hash": "0" * 32}


@dataclass
class Place:
    """Ada's session is kept here as ``main``."""

    root: Path
    telegram: Emulator
    network: Network
    ada: Any
    clock: SystemClock = field(default_factory=SystemClock)
    events: Events = field(default_factory=Events)

    def __post_init__(self) -> None:
        (self.root / "leases").mkdir(mode=0o700)
        self.leases = LocalLeases(self.root / "leases", clock=self.clock)
        self.ledger = LocalLedger(self.root / "home", clock=self.clock)
        source = KeyFile(self.root / "config" / "key")
        (self.root / "home").mkdir(mode=0o700)
        self.vault = Vault.create(self.root / "home" / "vault", source, clock=self.clock, marks=self.root / "state")

    def keep(self, session: Session, name: str = "main") -> None:
        lease = self.leases.try_acquire(session.auth_key.id)
        self.vault.keep(name, session, fence=lease.fence, expected=None)
        lease.release()

    def terms(self, name: str = "main", **details: Any) -> Terms:
        details = {"timeout": 0.0, "network": self.network, **details}
        details = {"ledger": self.ledger, **details}
        return Terms(name, self.vault, self.leases, clock=self.clock, events=self.events, **details)

    def client(self, name: str = "main", *, terms: dict[str, Any] | None = None, **options: Any) -> HeldClient:
        return held_client(self.terms(name, **(terms or {})), Kept.read(self.vault, name), **API, **options)

    def is_free(self, name: str = "main") -> bool:
        return self.leases.holder(self.vault.entry(name).lease) is None

    @property
    def state(self) -> UpdateState:
        state = self.vault.load("main").state
        assert state is not None
        return state

    def environment(self) -> dict[str, str]:
        """What a program needs to find the same session."""
        (self.root / "network.toml").write_text(networks.dump(self.network))
        return {
            name: value for name, value in os.environ.items() if not name.startswith(("TELEGRAM_", "TELEKEEP_"))
        } | {
            "TELEKEEP_HOME": str(self.root / "home"),
            "TELEKEEP_STATE": str(self.root / "state"),
            "TELEKEEP_KEY_FILE": str(self.root / "config" / "key"),
            "TELEKEEP_LEASES": str(self.root / "leases"),
            "TELEKEEP_NETWORK": str(self.root / "network.toml"),
            "TELEGRAM_API_ID": "1",
            "TELEGRAM_API_HASH": "0" * 32,
            "PYTHONUNBUFFERED": "1",
        }

    async def start(self, program: str) -> asyncio.subprocess.Process:
        """A Python program in a process of its own, beside this session."""
        path = self.root / "program.py"
        path.write_text(program)
        return await asyncio.create_subprocess_exec(
            sys.executable, str(path), env=self.environment(),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def run(self, program: str) -> tuple[int, str, str]:
        """Run a program to its end: exit code, output, errors."""
        process = await self.start(program)
        out, err = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode is not None
        return process.returncode, out.decode().strip(), err.decode().strip()


async def first_line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    if not line:
        _, err = await process.communicate()
        raise AssertionError(err.decode())
    return line.decode().strip()


async def until(condition: Any, seconds: float = 30.0) -> None:
    """Wait until ``condition()`` holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  what is waited for here has no event of its own
            await asyncio.sleep(0.005)


async def fill(client: HeldClient) -> list[asyncio.Task[Any]]:
    """Send more than the kernel takes, on a frozen wire: eight megabytes at most, which gzip cannot make smaller."""
    # as requests: client.send_message looks for markdown in eight megabytes first, for seconds
    said = (functions.messages.SendMessageRequest(types.InputPeerSelf(), secrets.token_hex(2000)) for _ in range(2000))
    sending = [asyncio.create_task(client(each)) for each in said]
    (connection,) = client._hold.line._connections
    await until(lambda: connection._writer.transport.get_write_buffer_size() > 0)
    return sending


class Wire:
    """A TCP relay in front of one data center. Nothing passes it while it is frozen; nobody gets in while it is cut."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.port = 0
        self._keeper = self._bound()  # nobody else on this machine is given the port while the wire is cut
        self.port = self._keeper.getsockname()[1]
        self.accepted = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()  # one for each connection

    async def mend(self) -> None:
        listener = self._bound()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # a frozen wire is soon full
        self._server = await asyncio.start_server(self._relay, sock=listener)
        self._flowing.set()

    async def cut(self) -> None:
        """Drop what is connected, and refuse the next until mended."""
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._flowing.set()

    def close(self) -> None:
        """Give the port back, after the last cut."""
        self._keeper.close()

    def _bound(self) -> socket.socket:
        """A socket at this wire's port, for the listener or beside it."""
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("127.0.0.1", self.port))
        return made

    def freeze(self) -> None:
        """Everybody stays connected, and nothing is read any more."""
        self._flowing.clear()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._server is not None
        if not self._server.is_serving():  # it was cut before we came to run
            writer.transport.abort()
            return
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        both = [writer]
        try:
            there_reader, there = await asyncio.open_connection(*self.target)
            both.append(there)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, there))
                pumps.create_task(self._pump(there_reader, writer))
        except (OSError, asyncio.CancelledError):  # nobody is there; or the wire is cut
            pass
        finally:
            for each in both:
                each.transport.abort()
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while True:
                await self._flowing.wait()
                data = await reader.read(65536)
                await self._flowing.wait()
                if not data:
                    break
                writer.write(data)
        writer.transport.abort()


def through(network: Network, wire: Wire) -> Network:
    """``network`` with its first data center behind ``wire``."""
    first, *rest = network.addresses
    return replace(network, addresses=(replace(first, port=wire.port), *rest))
