"""The fences of many sessions put on disk together: one commit for all that are taken in one turn of the event loop.

A lease file can only be synced on its own, and that is most of what it takes to open a session.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from telekeep.errors import TelekeepError
from telekeep.lease.lease import Lease, lease_name

if TYPE_CHECKING:
    from telekeep.vault.highwater import Position
    from telekeep.vault.vault import Vault


class Admission:
    """Admits fences to ``vault``."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._waiting: list[tuple[str, Lease, asyncio.Future[tuple[Position, bool]]]] = []

    async def admit(self, name: str, lease: Lease) -> tuple[Position, bool]:
        """Put the fence of a lease that was just taken on disk, see `Vault.admit`.

        Returns how far the session had come before, and whether its key lies in a file (`Vault.away`). Raises
        StorageUnavailable, and what `Vault.entry` does.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._commit)
        answer: asyncio.Future[tuple[Position, bool]] = loop.create_future()
        self._waiting.append((name, lease, answer))
        return await answer

    def _commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        found: list[Position | TelekeepError]
        try:
            found = self._vault.admit((name, lease.auth_key_id, lease.fence) for name, lease, _ in waiting)
            away = self._vault.away()
        except TelekeepError as error:
            found, away = [error] * len(waiting), frozenset()
        for (_, lease, answer), was in zip(waiting, found, strict=True):
            if answer.cancelled():
                continue
            if isinstance(was, TelekeepError):
                answer.set_exception(was)
            else:
                answer.set_result((was, lease_name(lease.auth_key_id) in away))
