"""A home with a daemon that serves it, in this process, for borrowers here and in processes of their own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from telekeep import paths
from telekeep.borrow.client import BorrowedClient
from telekeep.emulator import Emulator
from telekeep.gateway.owner import Owner
from telekeep.keeper.client import hold  # noqa: F401  loaded before a test begins: it takes its time
from telekeep.keeper.keeper import Keeper
from telekeep.session.model import Session
from telekeep.vault.keys.source import KeySource
from telekeep.work.daemon import Daemon
from telekeep.work.keeping import DaemonKeeper
from telekeep.work.owners import Owners

import telekeep  # isort: skip


class Served:
    """See the module. Ada's session is kept as ``main``."""

    def __init__(self, root: Path, telegram: Emulator, ada: Any) -> None:
        self.root = root
        self.telegram = telegram
        self.ada = ada
        self.home = paths.home()
        self.owners: Owners
        self._daemon: Daemon
        self._running: asyncio.Task[None] | None = None

    def keep(self, session: Session, name: str = "main", source: KeySource | None = None) -> None:
        with Keeper.open(key_source=source) as keeper:
            lease = keeper.leases.try_acquire(session.auth_key.id)
            keeper.vault_for_writing().keep(name, session, fence=lease.fence, expected=None)
            lease.release()

    async def start(self) -> None:
        keeper = DaemonKeeper.open()
        self.owners = Owners(keeper)
        self._daemon = Daemon(keeper, self.owners)
        ready = asyncio.Event()
        self._running = asyncio.create_task(self._daemon.run(ready=ready.set))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([waiting, self._running], return_when=asyncio.FIRST_COMPLETED, timeout=20)
        waiting.cancel()
        assert not self._running.done(), self._running.result()

    async def stop(self) -> None:
        if self._running is not None:
            self._daemon.stop()
            await asyncio.wait_for(self._running, 30)
            self._running = None

    @property
    def owner(self) -> Owner:
        return self.owners._owners["main"]

    def client(self, name: str = "main", **options: Any) -> BorrowedClient:
        client: BorrowedClient = telekeep.client(name, **options)
        return client

    async def run(self, program: str) -> str:
        """What a Python program prints, which must end well."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, env=dict(os.environ),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 0, err.decode()
        return out.decode()


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  what is waited for here has no event of its own
            await asyncio.sleep(0.005)
