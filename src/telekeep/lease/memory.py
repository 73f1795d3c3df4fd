"""Leases within one process, for tests and for programs that share a key with nobody else."""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING

from telekeep.errors import LeaseLost
from telekeep.lease.busy import busy
from telekeep.lease.fence import next_fence
from telekeep.lease.holder import Holder, this_process
from telekeep.lease.lease import Lost, lease_name

if TYPE_CHECKING:
    from telekeep.clock import Clock


class MemoryLeases:
    """Leases that exclude each other within this object only."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._guard = Lock()
        self._held: dict[str, MemoryLease] = {}
        self._counters: dict[str, int] = {}

    def holder(self, name: str) -> Holder | None:
        """Who holds the lease called ``name``, or None if it is free."""
        lease = self._held.get(name)
        return lease.holder if lease else None

    def try_acquire(
        self, auth_key_id: int, *, floor: int = 0, purpose: str | None = None, durable: bool = True
    ) -> MemoryLease:
        """Take the lease on a key now, or raise SessionBusy; see `telekeep.lease.lease.Leases`."""
        name = lease_name(auth_key_id)
        with self._guard:
            if taken := self._held.get(name):
                raise busy(taken.holder, clock=self._clock)
            fence = next_fence(counter=self._counters.get(name, 0), wall=self._clock.wall(), floor=floor)
            self._counters[name] = fence
            lease = MemoryLease(self, auth_key_id, this_process(clock=self._clock, fence=fence, purpose=purpose))
            self._held[name] = lease
            return lease

    def _give_back(self, lease: MemoryLease) -> None:
        with self._guard:
            name = lease_name(lease.auth_key_id)
            if self._held.get(name) is lease:
                del self._held[name]


class MemoryLease:
    """A lease within this process. Made by `MemoryLeases`."""

    def __init__(self, leases: MemoryLeases, auth_key_id: int, holder: Holder) -> None:
        self._leases = leases
        self._pid = os.getpid()
        self.auth_key_id = auth_key_id
        self.holder = holder
        self.fence = holder.fence
        self.lost: str | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(fence={self.fence}, {self.lost or 'ours'})"

    def check(self) -> None:
        """Make sure that the lease is still ours: not released, not a copy in a forked child."""
        if self.lost is None and os.getpid() != self._pid:
            self.lost = Lost.FORKED
        if self.lost is not None:
            raise LeaseLost(reason=self.lost)

    def sync(self) -> None:
        """There is no disk."""

    def release(self) -> None:
        """Give it back; any number of times."""
        self.lost = self.lost or (Lost.RELEASED if os.getpid() == self._pid else Lost.FORKED)
        self._leases._give_back(self)
