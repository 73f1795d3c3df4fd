"""`SessionSafetyManager`: who uses a session, told by proof; and what runs only while nobody else does."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from guard.conftest import HOLD
from lease.programs import Program
from telekeep import SafeSessionContext, SessionSafetyManager
from telekeep.errors import SessionBusy, SessionConflict
from telekeep.guard import beside, check_session_safety_cli, enforce_session_safety, processes
from telekeep.guard import celery as workers
from telekeep.guard.verdict import State
from telekeep.lease.record import decode, encode

Start = Callable[..., Program]

OPEN = """
import sqlite3, sys
file = sqlite3.connect(sys.argv[1])
file.execute("SELECT * FROM version").fetchall()
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def run(own_world: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts commands that say one line when they are ready."""
    running: list[subprocess.Popen[str]] = []

    def started(*words: object, cwd: Path = own_world) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [str(each) for each in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd
        )
        running.append(process)
        assert process.stdout and process.stdout.readline().strip() == "ready"
        return process

    yield started
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def manager(bot: Path) -> SessionSafetyManager:
    return SessionSafetyManager("bot")


# ---- who uses it


def test_a_free_session_is_safe_and_asking_changes_nothing(manager: SessionSafetyManager, bot: Path) -> None:
    before = bot.read_bytes(), sorted(each.name for each in bot.parent.iterdir())
    assert manager.check_session_safety() is True
    assert manager.is_celery_workers_running() == (False, [])
    assert (bot.read_bytes(), sorted(each.name for each in bot.parent.iterdir())) == before


def test_a_holder_is_named_with_three_ways_out(manager: SessionSafetyManager, holding: Program) -> None:
    with pytest.raises(SessionConflict) as unsafe:
        manager.check_session_safety("debugging")
    assert isinstance(unsafe.value, SessionBusy)
    assert unsafe.value.pids == (holding.pid,)
    assert "debugging" in str(unsafe.value) and str(holding.pid) in str(unsafe.value)
    remedy = str(unsafe.value.remedy)
    assert "1. Stop them" in remedy and "2. " in remedy and "3. Or wait" in remedy
    assert manager.is_celery_workers_running() == (True, [holding.pid])


def test_who_uses_the_file_without_a_guard_is_found_too(
    manager: SessionSafetyManager, start: Start, own_world: Path
) -> None:
    """002-F7: only a name pattern was looked for, which most users of a session do not match."""
    shutil.copy("bot.session", "other.session")
    program = start(OPEN, "bot.session")
    assert program.line() == "open"
    assert manager.is_celery_workers_running() == (True, [program.pid])
    assert SessionSafetyManager("other").is_celery_workers_running() == (False, [])
    program.kill()
    assert manager.is_celery_workers_running() == (False, [])


def test_our_own_family_that_got_the_file_from_the_same_parent_is_not_a_stranger(
    manager: SessionSafetyManager, bot: Path
) -> None:
    """A prefork pool whose parent opened the file: the lease keeps its members apart."""
    file = sqlite3.connect(bot)
    file.execute("SELECT * FROM version").fetchall()
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    try:
        assert manager.check_session_safety()
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        file.close()


@pytest.mark.parametrize(
    "words",
    [
        ["celery", "-A", "tasks", "worker"],
        ["celery", "--app=tasks", "-b", "worker", "worker", "--loglevel=info"],
        ["/usr/bin/python3.11", "/srv/app/bin/celery", "-A", "src.tasks", "worker", "-c", "2"],
        ["python3", "-X", "dev", "-u", "-m", "celery", "-A", "tasks", "worker"],
        ["celery", "-C", "-q", "worker"],
        ["/opt/pypy3", "/lib/site-packages/celery/__main__.py", "worker"],
        ["[celeryd: celery@host:MainProcess] -active- (worker -A tasks)"],
    ],
)
def test_a_celery_worker_is_one_however_it_was_started(words: list[str]) -> None:
    assert workers.is_celery_worker(words)


@pytest.mark.parametrize(
    "words",
    [
        ["vim", "celery_worker.py"],
        ["grep", "-r", "celery.*telegram_celery_tasks worker"],
        ["tail", "-f", "[celeryd: log", "celery", "worker"],
        ["python3", "edit.py", "celery", "worker"],
        ["python3", "-c", "celery worker"],
        ["bash", "-c", "celery -A telegram_celery_tasks worker"],
        ["celery", "-A", "worker", "beat"],
        ["celery", "inspect", "active"],
        ["python3", "-m", "pdb", "celery", "worker"],
        ["python3"],
        [],
    ],
)
def test_what_only_looks_like_a_celery_worker_is_none(words: list[str]) -> None:
    """002-F7: an editor with the file open, or the grep itself, counted as a worker."""
    assert not workers.is_celery_worker(words)


def test_a_worker_of_the_folder_counts_and_one_of_another_project_does_not(
    manager: SessionSafetyManager, celery: Path, run: Callable[..., subprocess.Popen[str]], tmp_path_factory: Any
) -> None:
    """002-17: workers started: unsafe; stopped: safe."""
    elsewhere = run(sys.executable, celery, "-A", "telegram_celery_tasks", "worker", cwd=tmp_path_factory.mktemp("b"))
    assert manager.is_celery_workers_running() == (False, [])
    worker = run(sys.executable, celery, "-A", "telegram_celery_tasks", "worker")
    assert manager.is_celery_workers_running() == (True, [worker.pid])
    with pytest.raises(SessionConflict, match="Celery worker"):
        manager.check_session_safety()
    worker.kill()
    worker.wait()
    assert manager.check_session_safety()
    assert elsewhere.poll() is None


def test_a_real_prefork_worker_is_found_with_its_children_and_gone_when_it_is(
    manager: SessionSafetyManager, own_world: Path
) -> None:
    pytest.importorskip("celery")
    (own_world / "tasks.py").write_text('import celery\napp = celery.Celery("tasks", broker="memory://")\n')
    words = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-c", "1", "-P", "prefork", "-l", "info"]
    worker = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert worker.stderr
        while not (said := worker.stderr.readline()).endswith(" ready.\n"):  # before, it starts programs of its own
            assert said, "it has ended"
        running, pids = manager.is_celery_workers_running()
        assert running and worker.pid in pids and len(pids) == 2
    finally:
        worker.terminate()
        worker.communicate(timeout=60)
    assert manager.check_session_safety()


def test_a_worker_that_cannot_be_looked_at_counts_if_it_could_read_the_session(
    bot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail closed, and no further: a worker of a user who cannot read the file is no danger to it."""
    found = {7: processes.Process(7, 1, 12345, ("celery", "-A", "x", "worker"))}

    def unreadable(path: Path) -> Path:
        raise PermissionError(13, "permission denied")

    monkeypatch.setattr(Path, "readlink", unreadable)
    bot.chmod(0o644)
    assert [each.pid for each in workers.workers(bot, found)] == [7]
    bot.chmod(0o600)
    assert workers.workers(bot, found) == []
    root = {7: processes.Process(7, 1, 0, ("celery", "-A", "x", "worker"))}
    assert [each.pid for each in workers.workers(bot, root)] == [7]


def test_a_task_inside_a_worker_is_not_refused_for_the_workers(bot: Path) -> None:
    """002-20: the tasks use the guard themselves; among them the lease decides."""
    pool = processes.Process(7, 1, os.geteuid(), ("celery", "-A", "x", "worker"))
    me = processes.Process(os.getpid(), 7, os.geteuid(), pool.arguments)
    assert workers.workers(bot, {7: pool, me.pid: me}) == []


def test_where_processes_cannot_be_seen_nothing_is_called_safe(tmp_path: Path) -> None:
    """002-F7: on an error the original said that there were no workers."""
    with pytest.raises(SessionConflict, match="cannot be looked at"):
        processes.everybody(tmp_path)
    with pytest.raises(SessionConflict):
        processes.everybody(tmp_path / "missing")


# ---- what was left behind


def test_a_holder_that_was_killed_leaves_a_stale_lock_and_no_conflict(
    manager: SessionSafetyManager, holding: Program
) -> None:
    """002-F3: stale is told from live by the kernel's lock and the time a process started, not by a file."""
    pid = holding.pid
    assert decode(manager.process_info_file.read_bytes()).pid == pid
    holding.kill()
    found = manager.verdict()
    assert found.state is State.CAUTION and str(pid) in found.who[0]
    assert manager.check_session_safety()
    with SafeSessionContext("bot", timeout=0):
        assert manager.verdict().state is State.SAFE
    assert manager.verdict().state is State.SAFE


def test_a_face_whose_pid_is_somebody_elses_now_is_stale(manager: SessionSafetyManager, holding: Program) -> None:
    face = decode(manager.process_info_file.read_bytes())
    holding.kill()
    from dataclasses import replace

    manager.process_info_file.write_bytes(encode(replace(face, pid=os.getppid())))
    assert manager.verdict().state is State.CAUTION


def test_a_face_of_another_machine_is_heeded_while_it_is_fresh(manager: SessionSafetyManager, holding: Program) -> None:
    """Containers that share the folder and not the leases know of one another by nothing else."""
    from dataclasses import replace

    face = decode(manager.process_info_file.read_bytes())
    holding.kill()
    info = manager.process_info_file
    info.write_bytes(encode(replace(face, host="pod-7", pid_namespace="pid:[1]")))
    with pytest.raises(SessionConflict, match="pod-7"):
        manager.check_session_safety()
    old = time.time() - beside.FRESH_SECONDS - 1
    os.utime(info, (old, old))
    assert manager.verdict().state is State.CAUTION


def test_a_face_of_another_kind_and_a_link_are_no_way_in(manager: SessionSafetyManager, own_world: Path) -> None:
    """Older guards write text there; a link would make us write elsewhere."""
    info = manager.process_info_file
    info.write_text("Process: celery\nPID: 12345\n")
    with pytest.raises(SessionConflict, match="another program used it"):
        manager.check_session_safety()
    os.utime(info, (1.0, 1.0))
    assert manager.verdict().state is State.CAUTION
    with SafeSessionContext("bot", timeout=0):
        assert decode(info.read_bytes()).pid == os.getpid()
    assert not info.exists()
    (own_world / "precious").write_text("precious")
    info.symlink_to(own_world / "precious")
    with SafeSessionContext("bot", timeout=0):
        pass
    assert (own_world / "precious").read_text() == "precious"


def test_a_holder_gives_signs_of_life(bot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from telekeep.guard import hold

    monkeypatch.setattr(hold, "LOOK_SECONDS", 0.01)
    info = SessionSafetyManager("bot").process_info_file
    with SafeSessionContext("bot", timeout=0):
        os.utime(info, (1.0, 1.0))
        for _ in range(500):
            if info.stat().st_mtime > 1.0:
                break
            time.sleep(0.01)
        assert info.stat().st_mtime > 1.0


@pytest.mark.parametrize("ending", [".lock", ".session.lock"])
@pytest.mark.parametrize("kind", ["flock", "lockf"])
def test_a_lock_file_of_another_guard_counts_while_it_is_locked_and_is_left_alone(
    manager: SessionSafetyManager, start: Start, own_world: Path, ending: str, kind: str
) -> None:
    lock = own_world / f"bot{ending}"
    program = start(
        "import fcntl, sys\nfile = open(sys.argv[1], 'w')\n"
        f"fcntl.{kind}(file, fcntl.LOCK_EX)\nprint('locked', flush=True)\nsys.stdin.read()",
        lock,
    )
    assert program.line() == "locked"
    with pytest.raises(SessionConflict, match="locked"):
        manager.check_session_safety()
    program.kill()
    found = manager.verdict()
    assert found.state is State.CAUTION and lock.name in found.who[0]
    assert lock.exists()


def test_asking_does_not_take_another_guards_lock(own_world: Path, manager: SessionSafetyManager) -> None:
    """002-F6: the checker took the lock in use, and freed it."""
    with Path("bot.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert manager.check_session_safety()  # it is our own
        again = subprocess.run(
            [sys.executable, "-c", "import fcntl; fcntl.flock(open('bot.lock', 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)"],
            capture_output=True,
        )
        assert again.returncode != 0


def test_the_names_that_programs_know_are_there(own_world: Path) -> None:
    """002-4, and 002-F2: both spellings name the same files."""
    for name in ("telegram_session", "telegram_session.session", own_world / "telegram_session.session"):
        manager = SessionSafetyManager(name)
        assert manager.lock_file == own_world / "telegram_session.lock"
        assert manager.process_info_file == own_world / "telegram_session.process_info"
    assert SessionSafetyManager().session_file == "telegram_session"


# ---- what runs only while nobody else does


def test_recorded_access_is_held_until_cleaned_up_by_any_flow_of_the_process(
    manager: SessionSafetyManager, start: Start
) -> None:
    """002-F1: the original let go as soon as it was connected."""
    manager.record_session_access("celery_worker", "fetch")
    program = start(HOLD, "bot", 0)
    assert program.process.wait(30) != 0
    assert SessionSafetyManager("bot").check_session_safety()
    joined: list[bool] = []

    def join() -> None:
        with SafeSessionContext("bot", timeout=0):
            joined.append(True)

    thread = threading.Thread(target=join)
    thread.start()
    thread.join()
    assert joined == [True]
    manager.cleanup_session_access()
    manager.cleanup_session_access()
    program = start(HOLD, "bot", 0)
    assert program.line() == "held"


def test_a_guarded_function_runs_only_alone(manager: SessionSafetyManager, holding: Program) -> None:
    ran: list[str] = []

    @manager.enforce_session_safety("fetch")
    def fetch(what: str) -> str:
        """Fetch it."""
        ran.append(what)
        return what

    with pytest.raises(SessionConflict):
        fetch("first")
    holding.kill()
    assert fetch("second") == "second"
    assert ran == ["second"] and fetch.__doc__ == "Fetch it."


async def test_a_guarded_coroutine_holds_until_it_is_done(manager: SessionSafetyManager, start: Start) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    @manager.enforce_session_safety("fetch")
    async def fetch() -> str:
        begun.set()
        await go_on.wait()
        return "done"

    assert asyncio.iscoroutinefunction(fetch)
    task = asyncio.create_task(fetch())
    await begun.wait()
    assert await asyncio.to_thread(start(HOLD, "bot", 0).process.wait, 30) != 0
    go_on.set()
    assert await task == "done"
    program = start(HOLD, "bot", 0)
    assert await asyncio.to_thread(program.line) == "held"


async def test_a_function_that_returns_a_coroutine_holds_until_that_is_done(manager: SessionSafetyManager) -> None:
    async def work() -> str:
        assert manager.process_info_file.exists()
        await asyncio.sleep(0)
        assert manager.process_info_file.exists()
        return "done"

    found = manager.enforce_session_safety("fetch")(lambda: work())()
    assert await found == "done"
    assert not manager.process_info_file.exists()


STUBBORN = """
import signal, sys, telekeep
signal.signal(signal.SIGTERM, lambda *_: print("stopping", flush=True))
with telekeep.SafeSessionContext("bot", timeout=0):
    print("held", flush=True)
    for line in sys.stdin:
        pass
"""


def test_a_worker_that_was_told_to_stop_is_not_taken_for_stopped(manager: SessionSafetyManager, start: Start) -> None:
    """002-F8: the original went on after thirty seconds; what counts is that the lease can be had."""
    worker = start(STUBBORN)
    assert worker.line() == "held"
    worker.process.terminate()
    assert worker.line() == "stopping"
    with pytest.raises(SessionConflict), manager.safe_session_operation("renew"):
        pass
    with pytest.raises(SessionConflict), SafeSessionContext("bot", timeout=0.1):
        pass
    worker.process.communicate()  # now it is done
    with manager.safe_session_operation("renew"):
        pass


def test_a_generator_is_not_guarded_in_silence(manager: SessionSafetyManager) -> None:
    def messages() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="generator"):
        manager.enforce_session_safety("fetch")(messages)


def test_what_fails_gives_it_back(manager: SessionSafetyManager) -> None:
    """002-20: on success and on failure."""
    with pytest.raises(ZeroDivisionError), manager.safe_session_operation("fetch"):
        raise ZeroDivisionError
    assert manager.verdict().state is State.SAFE
    assert not manager.process_info_file.exists()


async def test_a_safe_operation_is_one_in_both_kinds_of_code(manager: SessionSafetyManager, holding: Program) -> None:
    with pytest.raises(SessionConflict), manager.safe_session_operation("fetch"):
        pass
    with pytest.raises(SessionConflict):
        async with manager.safe_session_operation("fetch"):
            pass
    holding.kill()
    async with manager.safe_session_operation("fetch"):
        pass
    with SafeSessionContext(manager, "as the originals are made"):
        pass


def test_the_module_has_the_functions_of_the_originals(
    holding: Program, capsys: pytest.CaptureFixture[str], bot: Path
) -> None:
    bot.rename("telegram_session.session")
    assert check_session_safety_cli("debug") is False
    assert capsys.readouterr().out.startswith(f"🚫 UNSAFE: Workers running (PIDs: {holding.pid})\n")
    with pytest.raises(SessionConflict):
        enforce_session_safety("debug")(lambda: 1)()
    holding.kill()
    assert check_session_safety_cli("debug") is True
    assert enforce_session_safety("debug")(lambda: 1)() == 1
