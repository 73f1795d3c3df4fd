"""Both kinds of ledgers keep the contract that ships with telekeep."""

from __future__ import annotations

import itertools
from pathlib import Path

from telekeep.pace.ledger import Ledger
from telekeep.pace.stores.local import LocalLedger
from telekeep.pace.stores.memory import MemoryLedger
from telekeep.testing.contracts.ledgers import check_lasting_ledger, check_ledger
from telekeep.testing.fakes import ManualClock


def test_a_ledger_in_memory() -> None:
    check_ledger(lambda clock: MemoryLedger(clock=clock))


def test_a_ledger_on_disk(tmp_path: Path) -> None:
    numbers = itertools.count()

    def make(clock: ManualClock) -> Ledger:
        return LocalLedger(tmp_path / str(next(numbers)), clock=clock)

    check_ledger(make)


def test_a_ledger_on_disk_outlives_processes_and_boots(tmp_path: Path) -> None:
    check_lasting_ledger(lambda clock: LocalLedger(tmp_path / "home", clock=clock))
