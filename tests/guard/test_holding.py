"""A session file is one lease, whatever it is called, and whoever calls it; held as long as it is used."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import telekeep
from guard.conftest import HOLD, logged_in
from lease.programs import Program, in_a_child
from telekeep import SafeSessionContext, SessionSafetyManager
from telekeep.clock import SystemClock
from telekeep.errors import LeaseLost, SessionBusy, SessionConflict, StorageUnavailable
from telekeep.guard import hold
from telekeep.lease import lease_name
from telekeep.lease.local import LocalLeases
from telekeep.secret import Secret
from telekeep.session import formats
from telekeep.session.model import Application, AuthKey, User

# this process has a thread while it holds something, and newer Pythons warn of that when it forks
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

APPLICATION = Application(1, Secret(b"0" * 32))
Start = Callable[..., Program]


def refused(name: object) -> bool:
    """Whether this process does not get the session."""
    try:
        with SafeSessionContext(os.fspath(name), timeout=0):  # type: ignore[call-overload]
            return False
    except SessionBusy:
        return True


SPELLINGS = ["bot", "bot.session", "./sub/../bot", "absolute", "symlink", "hard link", "folder link"]


@pytest.mark.parametrize("spelling", [*SPELLINGS, "copy", "string", "pyrogram"])
def test_whatever_it_is_called_it_is_held(holding: Program, bot: Path, own_world: Path, spelling: str) -> None:
    """002-F2: one program said x and another x.session, and both had it."""
    (own_world / "sub").mkdir()
    name: object = spelling
    match spelling:
        case "absolute":
            name = bot
        case "symlink":
            (own_world / "sub" / "other.session").symlink_to(bot)
            name = "sub/other"
        case "hard link":
            os.link(bot, own_world / "sub" / "hard.session")
            name = "sub/hard.session"
        case "copy":
            shutil.copy(bot, own_world / "sub" / "copy.session")
            name = "sub/copy"
        case "string" | "pyrogram":
            session = replace(formats.read(formats.read_file(bot)), user=User(7, False), application=APPLICATION)
            form, name = {"string": ("telethon-string", "key.txt"), "pyrogram": ("pyrogram-sqlite", "p")}[spelling]
            Path("key.txt" if spelling == "string" else "p.session").write_bytes(formats.FORMATS[form].write(session))
        case "folder link":
            (own_world / "there").symlink_to(own_world)
            name = "there/bot"
    assert refused(name)
    holding.kill()
    assert not refused(name)


@pytest.mark.parametrize("made", ["not yet", "empty", "without a login"])
def test_a_session_without_a_key_is_held_by_its_place(start: Start, own_world: Path, made: str) -> None:
    new = own_world / "new.session"
    if made == "empty":
        new.touch()
    elif made == "without a login":
        logged_in(new)
        with sqlite3.connect(new) as connection:
            connection.execute("UPDATE sessions SET auth_key = x''")
        connection.close()
    program = start(HOLD, "new", 0)
    assert program.line() == "held"
    assert refused("new") and refused(new)
    assert SessionSafetyManager("new").is_celery_workers_running() == (True, [program.pid])
    if made != "not yet":
        os.link(new, own_world / "linked.session")
        assert refused("linked")
    assert not refused("another")


def test_a_key_that_appears_is_held_from_then_on(start: Start, own_world: Path) -> None:
    """A login makes its key while the file is held; a copy of the file has it too."""
    program = start(HOLD, "new", 0)
    assert program.line() == "held"
    key = AuthKey(logged_in(own_world / "new.session"))
    shutil.copy(own_world / "new.session", own_world / "copy.session")
    leases = LocalLeases(clock=SystemClock())
    for _ in range(200):
        if leases.holder(lease_name(key.id)):
            break
        threading.Event().wait(0.05)
    assert refused("copy")
    assert program.ask() == "ours"


def test_a_key_that_appears_and_is_anothers_is_lost_not_shared(start: Start, own_world: Path) -> None:
    key = logged_in(own_world / "first.session")
    first = start(HOLD, "first", 0)
    assert first.line() == "held"
    second = start(HOLD, "second", 0)
    assert second.line() == "held"
    logged_in(own_world / "second.session", key)
    for _ in range(100):
        if second.ask() == "LeaseLost":
            break
        threading.Event().wait(0.05)
    assert second.ask() == "LeaseLost"
    assert first.ask() == "ours"


def test_a_file_with_more_keys_than_can_be_held_is_refused(own_world: Path) -> None:
    """The one that is left out might be the one that a client takes."""
    path = own_world / "many.session"
    logged_in(path)
    with sqlite3.connect(path) as file:
        keys = [(number, "149.154.167.51", 443, os.urandom(256)) for number in range(10, 110)]
        file.executemany("INSERT INTO sessions (dc_id, server_address, port, auth_key) VALUES (?, ?, ?, ?)", keys)
    file.close()
    with pytest.raises(StorageUnavailable, match="more keys"), SafeSessionContext(path, timeout=0):
        pass


def test_the_vault_and_a_file_with_the_same_key_are_one(holding: Program, bot: Path) -> None:
    key_id = formats.read(formats.read_file(bot)).auth_key.id
    with pytest.raises(SessionBusy) as busy:
        LocalLeases(clock=SystemClock()).try_acquire(key_id)
    assert busy.value.holder.pid == holding.pid


def test_kill_9_frees_it_and_the_next_one_has_it_at_once(holding: Program) -> None:
    """002-F3: the original's lock file stayed, and was unsafe for ever."""
    assert refused("bot")
    holding.kill()
    assert not refused("bot")
    assert not refused("bot")


def test_nothing_that_is_removed_beside_the_file_frees_it(holding: Program, own_world: Path) -> None:
    """002-F4: a clean-up deleted live locks, and two had the session."""
    for each in own_world.glob("bot.*"):
        if each.suffix != ".session":
            each.unlink()
    assert refused("bot")
    assert holding.ask() == "ours"


def test_it_waits_as_long_as_it_is_told(start: Start, holding: Program) -> None:
    waiting = start(HOLD, "bot", 30)
    holding.kill()
    assert waiting.line() == "held"


def test_a_forked_child_has_no_part_in_it(bot: Path) -> None:
    """002-F5: a child kept the original's lock after its parent had given it back."""
    with SafeSessionContext("bot", timeout=0) as held:
        assert in_a_child(lambda: str(held.check())).startswith("LeaseLost")
        assert in_a_child(lambda: str(refused("bot"))) == "True"
        assert in_a_child(lambda: str(held.__exit__(None, None, None))) == "None"
        held.check()
        assert (bot.parent / "bot.process_info").exists()
    assert in_a_child(lambda: str(refused("bot"))) == "False"


PREFORK = """
import os, sys, time, telekeep
with telekeep.SafeSessionContext("bot", timeout=0) as held:
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        children.append(child)
    print(*children, flush=True)
    sys.stdin.read()
"""


def test_children_of_a_killed_parent_do_not_keep_it(start: Start, bot: Path) -> None:
    """As Celery's prefork pool does when its main process is killed."""
    program = start(PREFORK)
    children = [int(each) for each in program.line().split()]
    try:
        assert refused("bot")
        program.process.kill()
        program.process.wait()
        with SafeSessionContext("bot", timeout=5):  # a child closes its copy as soon as it runs
            for each in children:
                os.kill(each, 0)  # and it lives
    finally:
        for each in children:
            os.kill(each, 9)


def test_a_stock_clients_own_locks_survive_being_looked_at(bot: Path) -> None:
    """002-F5, of SQLite: closing a second descriptor of a file drops the locks of the first, in one process."""
    mine = sqlite3.connect(bot, isolation_level=None)
    mine.execute("BEGIN IMMEDIATE")
    mine.execute("UPDATE sessions SET port = 444")
    with SafeSessionContext("bot", timeout=0):
        other = subprocess.run([sys.executable, "-c", WRITE, bot], capture_output=True, text=True)
    assert "locked" in other.stderr
    mine.execute("COMMIT")
    mine.close()


WRITE = """
import sqlite3, sys
sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None).execute("BEGIN IMMEDIATE")
"""


# ---- inside one process


def test_guards_nest_and_the_last_to_leave_gives_it_back(bot: Path) -> None:
    outer, inner = SafeSessionContext("bot", timeout=0), SafeSessionContext(bot, timeout=0)
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    inner.check()
    assert in_a_child(lambda: str(refused("bot"))) == "True"
    inner.__exit__(None, None, None)
    assert in_a_child(lambda: str(refused("bot"))) == "False"
    with pytest.raises(LeaseLost):
        inner.check()


def test_another_thread_of_the_same_program_is_refused(bot: Path) -> None:
    """002-F5: with POSIX locks one process got it twice."""
    said: list[bool] = []
    with SafeSessionContext("bot", timeout=0):
        thread = threading.Thread(target=lambda: said.append(refused("bot")))
        thread.start()
        thread.join()
        assert said == [True]


async def test_another_task_is_refused_and_those_we_start_are_inside(bot: Path) -> None:
    async def enter() -> bool:
        try:
            async with SafeSessionContext("bot", timeout=0):
                return True
        except SessionBusy:
            return False

    before = asyncio.Event()

    async def stranger() -> bool:
        await before.wait()
        return await enter()

    task = asyncio.create_task(stranger())
    async with SafeSessionContext("bot", timeout=0):
        assert await asyncio.gather(enter(), enter()) == [True, True]
        before.set()
        assert await task is False
    assert await enter()


def test_a_guard_around_an_event_loop_covers_what_runs_in_it(bot: Path) -> None:
    async def main() -> None:
        async with SafeSessionContext("bot", timeout=0):
            pass

    with SafeSessionContext("bot", timeout=0):
        asyncio.run(main())


async def test_waiting_does_not_block_the_event_loop(holding: Program) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    beside = asyncio.create_task(tick())
    with pytest.raises(SessionBusy):
        async with SafeSessionContext("bot", timeout=0.5):
            pass
    assert ticks > 5
    beside.cancel()


def test_nothing_is_left_of_it(bot: Path) -> None:
    before = set(threading.enumerate())  # those of tests before may be about to end
    with SafeSessionContext("bot", timeout=0):
        assert (bot.parent / "bot.process_info").stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in bot.parent.iterdir()) == ["bot.session", "leases"]
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
    assert not set(threading.enumerate()) - before
    assert not hold._held


def test_the_errors_are_one_family(holding: Program) -> None:
    assert telekeep.errors.SessionSafetyError is SessionConflict
    with pytest.raises(telekeep.errors.SessionSafetyError) as busy, SafeSessionContext("bot", timeout=0):
        pass
    assert busy.value.holder.pid == holding.pid and str(holding.pid) in str(busy.value)
