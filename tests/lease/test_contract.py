"""Both kinds of leases keep the contract that ships with telekeep."""

from __future__ import annotations

from pathlib import Path

import pytest

from telekeep.clock import SystemClock
from telekeep.lease.local import LocalLeases
from telekeep.lease.memory import MemoryLeases
from telekeep.testing.contracts.leases import LeasesContract


class TestMemoryLeases(LeasesContract):
    @pytest.fixture
    def leases(self) -> MemoryLeases:
        return MemoryLeases(clock=SystemClock())


class TestLocalLeases(LeasesContract):
    @pytest.fixture
    def leases(self, tmp_path: Path) -> LocalLeases:
        return LocalLeases(tmp_path / "leases", clock=SystemClock())


class TestLocalLeasesOnAKernelWithoutDescriptorLocks(LeasesContract):
    """Some BSDs: the holder is asked for by a shared flock, and nothing else changes."""

    @pytest.fixture
    def leases(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalLeases:
        monkeypatch.setattr("telekeep.lease.probe._SETLK", None)
        monkeypatch.setattr("telekeep.lease.probe._GETLK", None)
        return LocalLeases(tmp_path / "leases", clock=SystemClock())
