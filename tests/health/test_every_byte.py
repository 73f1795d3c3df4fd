"""A vault with one byte flipped: what of it matters is named and rolled back, and nothing else is harmed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from telekeep.errors import TelekeepError
from telekeep.health.actions import RollBack
from telekeep.health.check import Severity
from telekeep.health.checks import vault as check
from telekeep.health.facts import vault as facts
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.recover import plan
from telekeep.session.model import Session
from telekeep.work.mending import carry_out

STEP = 1 if os.environ.get("TELEKEEP_STORM") else 211  # a prime: every part of a page is met


def test_one_flipped_byte_anywhere_is_harmless_or_named_and_rolled_back(
    keeper: Keeper, main: Session, tmp_path: Path
) -> None:
    for number in (1, 2):
        keeper.vault.keep("main", main, fence=keeper.vault.entry("main").fence, expected=number)
    keeper.vault.load("main")
    keeper.close()
    whole = tmp_path / "whole"
    for folder in ("vault", "state"):
        shutil.copytree(keeper.home.root / "vault" if folder == "vault" else keeper.home.state, whole / folder)
    size = (whole / "vault" / "sessions.db").stat().st_size
    seen = {"harmless": 0, "rolled back": 0, "named": 0}
    for offset in range(0, size, STEP):
        _put_back(keeper, whole)
        _flip(keeper.home.vault / "sessions.db", offset)
        found = check.judge(facts.gather(keeper.home, clock=keeper.clock))
        worst = max(found, key=lambda each: each.severity)
        if worst.severity < Severity.WARNING:
            assert keeper.vault.load("main").auth_key == main.auth_key, offset
            seen["harmless"] += 1
            keeper.close()
            continue
        assert worst.remedy, offset
        actions = [each for each in plan(found).actions if isinstance(each, RollBack)]
        if not actions:
            seen["named"] += 1
            continue
        try:
            for action in actions:
                carry_out(keeper, action)
        except TelekeepError:  # the file as a whole does not take it: named, and left as it is
            seen["named"] += 1
        else:
            assert keeper.vault.load("main").auth_key == main.auth_key, offset
            seen["rolled back"] += 1
        keeper.close()
    assert all(seen.values()), seen


def _put_back(keeper: Keeper, whole: Path) -> None:
    keeper.close()
    for folder, source in ((keeper.home.vault, "vault"), (keeper.home.state, "state")):
        for old in folder.iterdir():
            old.unlink()
        for new in (whole / source).iterdir():
            shutil.copy2(new, folder / new.name)


def _flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes((byte ^ 0x55,)))
