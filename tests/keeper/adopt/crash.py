"""A program that kills itself with SIGKILL at one point after another of adopting a file, or of the way back.

    python -m keeper.adopt.crash VERB KIND POINTS FOLDER [STRIDE]

As `vault.crash`: each try runs in a fork, on a fresh copy of the same world. POINTS is ``moves``: before and after
everything that changes the disk; or ``lines``: before every line executed in ``telekeep/keeper/adopt``. STRIDE: only
every so-manieth of them, from one by chance on. Whatever the point: the file holds the original or the loan, whole;
nobody would connect with a key that lies in it; and doing it again, or its contrary, finishes it. No daemon runs and
nothing connects.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import telekeep.keeper.adopt
from keeper.adopt.files import KINDS, ONE, REAL, holds_any, make, of_file
from telekeep.gateway.loans import OPEN
from telekeep.keeper.adopt import ledger, users
from telekeep.keeper.adopt.adoption import ADOPTED, RETURNED
from telekeep.keeper.adopt.undo import undo
from telekeep.keeper.adopt.verb import adopt
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.transfer import import_session
from telekeep.lease.lease import lease_name
from vault.crash import Countdown, die_by_moves, in_a_fork

ROOM = str(Path(telekeep.keeper.adopt.__file__).parent)
LEASES = frozenset(lease_name(each.auth_key.id) for each in REAL)


def environment(root: Path) -> None:
    for name, folder in (("HOME", "home"), ("STATE", "state"), ("LEASES", "leases"), ("KEY_FILE", "config/key")):
        os.environ[f"TELEKEEP_{name}"] = str(root / folder)
    os.environ.update(TELEGRAM_API_ID="1", TELEGRAM_API_HASH="0" * 32)
    os.chdir(root)


def do_adopt(root: Path, kind: str) -> None:
    with Keeper.open() as keeper:
        adopt(keeper, root / "files" / KINDS[kind])


def do_undo(root: Path, kind: str) -> None:
    with Keeper.open() as keeper:
        undo(keeper, root / "files" / KINDS[kind])


def check(root: Path, kind: str, original: bytes, again: Callable[[Path, str], None], wanted: str) -> None:
    """What must hold after a crash, and after doing it ``again``: the state ``wanted``."""
    path = root / "files" / KINDS[kind]
    content = path.read_bytes()
    with Keeper.open() as keeper:
        vault = keeper.vault_for_writing()
        loans = ledger.loans(keeper)
        now = keeper.clock.wall()
        is_lent = any(loan.state(now) == OPEN for loan in loans.values())
        keys = {each.session.auth_key for each in of_file(path)}
        if holds_any(content):
            assert content == original, "neither the original nor the loan"
            assert not is_lent or vault.away() >= LEASES, "the daemon would connect with keys that lie in the file"
        else:
            assert {key.id for key in keys} <= set(loans), "the file holds a loan that the vault does not know"
            assert all(loans[key.id].state(now) == OPEN for key in keys), "the loan in the file has ended"
    for other in root.rglob("*"):
        if other.is_file() and other != path:
            inside = holds_any(other.read_bytes())
            assert not inside or (again is do_undo and other.parent == path.parent), f"{other} holds the key"
    again(root, kind)
    content = path.read_bytes()
    with Keeper.open() as keeper:
        adoption = ledger.at(keeper.vault, str(path))
        assert adoption is not None and adoption.state == wanted
        assert len(ledger.all_of(keeper.vault)) == 1
        is_back = wanted == RETURNED
        assert keeper.vault.away() == (LEASES if is_back else frozenset())
        assert (content == original) if is_back else not holds_any(content)
        assert sorted(each.name for each in path.parent.iterdir()) == [path.name]
        now = keeper.clock.wall()
        lent = [loan for loan in ledger.loans(keeper).values() if loan.state(now) == OPEN]
        assert len(lent) == (0 if is_back else len(of_file(path)))
        assert [each.name for each in keeper.vault.entries()] == sorted(each.name for each in adoption.held)


def die_by_lines(tick: Countdown) -> None:
    def trace(frame: types.FrameType, event: str, argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(ROOM):
            return None
        if event == "line":
            tick()
        return trace

    sys.settrace(trace)


VERBS = {"adopt": (do_adopt, do_undo, ADOPTED, RETURNED), "undo": (do_undo, do_adopt, RETURNED, ADOPTED)}


def main(name: str, kind: str, points: str, folder: Path, stride: int = 1) -> int:
    verb, contrary, wanted, unwanted = VERBS[name]
    users.processes = lambda: iter(())  # type: ignore[assignment]  # looking at every process takes longer than the rest
    die = {"lines": die_by_lines, "moves": die_by_moves}[points]
    os.umask(0o077)
    work, pristine = folder / "work", folder / "pristine"
    (work / "files").mkdir(parents=True)
    (work / "leases").mkdir()
    original = make(work / "files", kind).read_bytes()
    shutil.copytree(work, folder / "first")
    environment(folder / "first")
    _rehearse(folder / "first", kind)
    environment(work)
    if name == "undo":
        do_adopt(work, kind)
    elif kind == "file":  # where it is kept already: that keeping survives a crash, vault.crash shows
        with Keeper.open() as keeper:
            import_session(keeper, ONE, name="bot")
    os.chdir(folder)
    work.rename(pristine)

    point, tried, killed = random.randrange(stride) + 1 - stride, -1, True
    while killed:
        point, tried = point + stride, tried + 1
        shutil.copytree(pristine, work)
        os.chdir(work)

        def attempt(point: int = point) -> None:
            die(Countdown(point))
            verb(work, kind)

        exit_code = in_a_fork(attempt)
        killed = exit_code == -signal.SIGKILL
        if not killed and exit_code:
            print(f"point {point}: the verb itself failed")
            return 1
        shutil.copytree(work, folder / "twin")
        if in_a_fork(lambda: check(work, kind, original, verb, wanted)):
            print(f"after a crash at point {point} of {name}, done again")
            return 1
        os.chdir(folder)
        shutil.rmtree(work)
        (folder / "twin").rename(work)
        if in_a_fork(lambda: _the_other_way(work, kind, original, contrary, unwanted)):
            print(f"after a crash at point {point} of {name}, the other way")
            return 1
        shutil.rmtree(work)
    print(f"{name} {kind}: {tried} {points}")
    return 0


def _rehearse(root: Path, kind: str) -> None:
    """Everything once, so that all modules are loaded before the first fork."""
    do_adopt(root, kind)
    do_undo(root, kind)
    os.chdir(root.parent)
    shutil.rmtree(root)


def _the_other_way(root: Path, kind: str, original: bytes, contrary: Callable[[Path, str], None], wanted: str) -> None:
    os.chdir(root)
    with Keeper.open() as keeper:
        if contrary is do_undo and ledger.at(keeper.vault_for_writing(), str(root / "files" / KINDS[kind])) is None:
            return  # it had not begun
        path = root / "files" / KINDS[kind]
        if contrary is do_adopt and not holds_any(path.read_bytes()):
            adopt(keeper, path)  # stops the way back, and says so
            return
    check(root, kind, original, contrary, wanted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]), *map(int, sys.argv[5:])))
