"""A program that kills itself with SIGKILL at one point after another of a verb of the vault, and looks each time.

    python -m vault.crash VERB POINTS FOLDER [STRIDE]

Each try runs in a fork, on a fresh copy of the same vault, and dies at the Nth point. POINTS is ``moves``: before and
after every statement and every move of a file that changes the disk; or ``lines``: before every line executed in
``telekeep/vault`` and ``telekeep/keeper``; with a STRIDE, every so many. Then the vault must be what it was or what it
was to become. Prints up to which point it died.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import telekeep.keeper
import telekeep.vault
from telekeep.keeper.backup import back_up as back_up_sessions
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.restore import archives, opened
from telekeep.keeper.restore import restore as put_back
from telekeep.lease.local import LocalLeases
from telekeep.paths import Home
from telekeep.session.model import UpdateState
from telekeep.session.network import PRODUCTION
from telekeep.testing.contracts.vault import a_session
from telekeep.testing.fakes import ManualClock
from telekeep.vault.keys import passphrase
from telekeep.vault.keys.file import KeyFile
from telekeep.vault.keys.passphrase import Passphrase
from telekeep.vault.vault import Vault
from vault.old import to_format_1

ROOM = tuple(str(Path(room.__file__).parent) for room in (telekeep.vault, telekeep.keeper))
OLD, NEW = a_session(1), a_session(2)
Verb = Callable[[Path], None]


def open_(root: Path) -> Vault:
    return Vault.open(root / "vault", clock=ManualClock(), marks=root / "marks")


def create(root: Path) -> Vault:
    return Vault.create(root / "vault", KeyFile(root / "config" / "key"), clock=ManualClock(), marks=root / "marks")


def keeper_of(root: Path) -> Keeper:
    clock = ManualClock()
    keeper = Keeper(Home(root, root / "config" / "key", root / "marks"), PRODUCTION, clock)
    keeper.leases = LocalLeases(root / "leases", clock=clock)
    return keeper


def prepare(root: Path) -> None:
    vault = create(root)
    vault.keep("a", OLD, fence=1, expected=None)
    vault.keep("b", a_session(3), fence=1, expected=None)
    vault.close()


def prepare_for(verb: Verb, root: Path) -> None:
    prepare(root)
    with open_(root) as vault:
        if verb is lend_and_revoke:
            vault.keep_endpoint("a", b"port 1")
            vault.keep_loan("a", "old", b"open")
        elif verb is make_progress:
            entries = [(1, b"entry"), (2, b"entry")]
            key_id, state = OLD.auth_key.id, UpdateState(1, 0, 0, 0)
            vault.save_progress("a", key_id, state=state, journal=entries, keep_from=1, fence=2)
    if verb in (back_up, restore, restore_anew):
        (root / "leases").mkdir(mode=0o700)
        with keeper_of(root) as keeper:
            back_up_sessions(keeper, None, reason="asked for")
            keeper.vault.keep("a", NEW, fence=2, expected=1)
    if verb is restore_anew:
        (root / "vault").rename(root / "lost")
    if verb is upgrade:
        to_format_1(root / "vault")


# ---- the verbs, and what must hold after a crash


def rotate_the_file(root: Path) -> None:
    open_(root).rotate(KeyFile(root / "config" / "key"))


def rotate_to_another_file(root: Path) -> None:
    open_(root).rotate(KeyFile(root / "elsewhere" / "key"))


def rotate_to_a_passphrase(root: Path) -> None:
    open_(root).rotate(Passphrase())


def still_opens(root: Path) -> None:
    os.environ.pop("TELEKEEP_KEY_FILE", None)  # the vault says where its key is
    with open_(root) as vault:
        assert vault.load("a") == sorted_peers(OLD)
        assert vault.load("b") == sorted_peers(a_session(3))
        vault.rotate(KeyFile(root / "config" / "key"))
    with open_(root) as vault:
        assert vault.load("a") == sorted_peers(OLD)


def keep(root: Path) -> None:
    open_(root).keep("a", NEW, fence=2, expected=1)


def old_or_new(root: Path) -> None:
    with open_(root) as vault:
        session = vault.load("a")
        assert session in (sorted_peers(OLD), sorted_peers(NEW)), "neither the old session nor the new one"
        assert vault.load("a", generation=1) == sorted_peers(OLD)
        generation = vault.entry("a").generation
        assert generation == (2 if session == sorted_peers(NEW) else 1)
        assert [entry.state for entry in vault.entries()] == ["kept", "kept"]
        vault.keep("a", a_session(4), fence=3, expected=generation)


def remove(root: Path) -> None:
    open_(root).remove("a", fence=2)


def kept_or_removed(root: Path) -> None:
    with open_(root) as vault:
        if vault.entries()[0].state == "removed":
            vault.restore_removed("a")
        assert vault.load("a") == sorted_peers(OLD)


def make(root: Path) -> None:
    create(root / "new")


def made_or_not(root: Path) -> None:
    if Vault.exists(root / "new" / "vault"):
        open_(root / "new").keep("a", OLD, fence=1, expected=None)
    else:
        create(root / "new").keep("a", OLD, fence=1, expected=None)


def lend_and_revoke(root: Path) -> None:
    vault = open_(root)
    vault.keep_endpoint("a", b"port 2")
    vault.keep_loan("a", "new", b"open")
    vault.keep_loan("a", "new", b"revoked")
    vault.drop_loan("a", "old")


def lent_in_that_order(root: Path) -> None:
    with open_(root) as vault:
        endpoint = vault.endpoint("a")
        loans = {loan.id: loan.payload for loan in vault.loans("a")}
        assert (endpoint, loans) in (
            (b"port 1", {"old": b"open"}),
            (b"port 2", {"old": b"open"}),
            (b"port 2", {"old": b"open", "new": b"open"}),
            (b"port 2", {"old": b"open", "new": b"revoked"}),
            (b"port 2", {"new": b"revoked"}),
        )
        assert vault.notices == []
        vault.keep_loan("a", "new", b"again")


def make_progress(root: Path) -> None:
    vault = open_(root)
    for number in range(2, 6):
        entries = [(2 * number - 1, b"entry"), (2 * number, b"entry")]
        state = UpdateState(number, 0, 0, 0)
        vault.save_progress("a", OLD.auth_key.id, state=state, journal=entries, keep_from=2 * number - 3, fence=2)


def as_far_as_the_journal(root: Path) -> None:
    """State and journal tell of the same moment: a newer state would lose what the journal lacks."""
    with open_(root) as vault:
        state = vault.load("a").state
        assert state is not None
        last = 2 * state.pts
        assert vault.journal("a", OLD.auth_key.id) == [(at, b"entry") for at in range(max(1, last - 3), last + 1)]
        assert vault.notices == []


def back_up(root: Path) -> None:
    back_up_sessions(keeper_of(root), None, reason="asked for")


def whole_or_not_there(root: Path) -> None:
    with keeper_of(root) as keeper:
        found = archives(keeper)
        assert len(found) in (1, 2) and all(each.is_whole for each in found)
        for each in found:
            opened(keeper, each.path)
        assert keeper.vault.load("a") == sorted_peers(NEW)
        back_up_sessions(keeper, None, reason="asked for")
        assert len(list(keeper.home.backups.iterdir())) == len(found) + 1, "a draft was left for good"


def restore(root: Path) -> None:
    keeper = keeper_of(root)
    put_back(keeper, opened(keeper, archives(keeper)[0].path))


def all_back_or_none(root: Path) -> None:
    with keeper_of(root) as keeper:
        generations = tuple(entry.generation for entry in keeper.vault.entries())
        assert generations in ((2, 1), (3, 2)), "something between"
        assert keeper.vault.load("a") == sorted_peers(NEW if generations == (2, 1) else OLD)
        found = archives(keeper)
        assert all(each.is_whole for each in found)
        put_back(keeper, opened(keeper, found[-1].path))
        assert keeper.vault.load("a") == sorted_peers(OLD)
        assert keeper.vault.load("b") == sorted_peers(a_session(3))


def restore_anew(root: Path) -> None:
    restore(root)


def made_anew_or_empty(root: Path) -> None:
    """An empty vault is as good as none: the next try fills it."""
    with keeper_of(root) as keeper:
        if Vault.exists(root / "vault"):
            assert [entry.name for entry in keeper.vault.entries() if entry.state == "kept"] in ([], ["a", "b"])
        put_back(keeper, opened(keeper, archives(keeper)[-1].path))
        assert keeper.vault.load("a") == sorted_peers(OLD)
        assert keeper.vault.load("b") == sorted_peers(a_session(3))


def upgrade(root: Path) -> None:
    vault = open_(root)
    vault.load("a")
    vault.keep_loan("a", "new", b"open")


def upgraded_or_not(root: Path) -> None:
    with open_(root) as vault:
        assert vault.load("a") == sorted_peers(OLD)
        assert [loan.id for loan in vault.loans()] in ([], ["new"])
        vault.keep_loan("a", "new", b"open")
        vault.begin_doubt("a", b"digest", 1.0)
        assert vault.notices == []


def sorted_peers(session: Any) -> Any:
    return replace(session, peers=tuple(sorted(session.peers, key=lambda peer: (peer.kind, peer.id))))


VERBS: dict[str, tuple[Verb, Verb]] = {
    verb.__name__: (verb, check)
    for verb, check in (
        (rotate_the_file, still_opens),
        (rotate_to_another_file, still_opens),
        (rotate_to_a_passphrase, still_opens),
        (keep, old_or_new),
        (remove, kept_or_removed),
        (make, made_or_not),
        (lend_and_revoke, lent_in_that_order),
        (make_progress, as_far_as_the_journal),
        (upgrade, upgraded_or_not),
        (back_up, whole_or_not_there),
        (restore, all_back_or_none),
        (restore_anew, made_anew_or_empty),
    )
}


# ---- the killing


class Countdown:
    """Kills this process when it has been called ``left`` times."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self) -> None:
        self.left -= 1
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def die_by_lines(tick: Countdown) -> None:
    def trace(frame: types.FrameType, event: str, argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(ROOM):
            return None
        if event == "line":
            tick()
        return trace

    sys.settrace(trace)


def die_by_moves(tick: Countdown) -> None:
    class Dying(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement.startswith(("SELECT", "PRAGMA", "BEGIN")):
                return super().execute(statement, *values)
            tick()
            cursor = super().execute(statement, *values)
            tick()
            return cursor

    connect = sqlite3.connect
    sqlite3.connect = lambda *args, **options: connect(*args, factory=Dying, **options)  # type: ignore[assignment]
    for name in ("fsync", "link", "rename", "replace", "unlink"):
        setattr(os, name, _between(tick, getattr(os, name)))


def _between(tick: Countdown, move: Callable[..., Any]) -> Callable[..., Any]:
    def moved(*args: Any, **options: Any) -> Any:
        tick()
        result = move(*args, **options)
        tick()
        return result

    return moved


def in_a_fork(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(name: str, points: str, folder: Path, stride: int = 1) -> int:
    verb, check = VERBS[name]
    die = {"lines": die_by_lines, "moves": die_by_moves}[points]
    os.umask(0o077)
    work = folder / "work"
    prepare_for(verb, work)
    pristine = folder / "pristine"
    work.rename(pristine)
    passphrase.MEMORY_KIB, passphrase.PASSES = 64, 1
    phrase = folder / "phrase"
    phrase.write_text("correct horse battery staple\n")
    os.environ["TELEKEEP_PASSPHRASE_FILE"] = str(phrase)

    point, killed = random.randrange(stride) + 1 - stride, True
    while killed:
        point += stride
        shutil.copytree(pristine, work)

        def attempt(point: int = point) -> None:
            die(Countdown(point))
            verb(work)

        exit_code = in_a_fork(attempt)
        killed = exit_code == -signal.SIGKILL
        if not killed and exit_code:
            print(f"point {point}: the verb itself failed")
            return 1
        if in_a_fork(lambda: check(work)):
            print(f"after a crash at point {point} of {name}")
            return 1
        shutil.rmtree(work)
    print(f"{name}: {point - 1} {points}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), *map(int, sys.argv[4:])))
