"""One daemon for each home, whoever starts it and however often: summoned by programs, killed, started again."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from telekeep import paths
from telekeep.borrow import summon as summoning
from telekeep.borrow.asking import ask, find, hail
from telekeep.errors import ConfigError, OwnerAbsent, SessionNotFound, StorageUnavailable
from work.conftest import asked, log_of, pid_of, until

summon = partial(summoning.summon, patience=60.0)  # seconds: many begin at once, beside whatever else the machine does

SUMMON = """
from telekeep.borrow.asking import hail, home_of
from telekeep.borrow.summon import summon
summon(patience=60)
print(hail(home_of(None))["pid"])
"""


def opened_by(pid: int) -> dict[str, str]:
    """What a process has open, by descriptor. It closes some while we look, such as the line it was just asked on."""
    found = {}
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found[each.name] = str(each.readlink())
    return found


def starts(where: paths.Home) -> int:
    return log_of(where).count(" INFO serving ")


async def test_ten_programs_that_start_at_once_make_one_daemon(home: paths.Home) -> None:
    programs = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-c", SUMMON, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(10)
    ]
    said = await asyncio.gather(*(program.communicate() for program in programs))
    assert [error for _, error in said] == [b""] * 10
    assert len({out for out, _ in said}) == 1
    assert int(said[0][0]) == pid_of(home) and starts(home) == 1


def test_ten_threads_of_one_program_make_one_daemon(home: paths.Home) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(summon())) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [home.control] * 10 and starts(home) == 1


def test_who_summons_is_left_with_no_child_and_no_descriptor(home: paths.Home, tmp_path: Path) -> None:
    """A program that waits for its children, or holds a lock, must not notice that it started a daemon."""
    program = (
        "import os, sys\n"
        "from telekeep.borrow.summon import summon\n"
        "secret = os.open('secret', os.O_RDWR | os.O_CREAT); os.set_inheritable(secret, True)\n"
        "summon()\n"
        "try: print('child', os.waitpid(-1, os.WNOHANG))\n"
        "except ChildProcessError: print('no child')\n"
    )
    said = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60)
    assert (said.stdout, said.stderr) == ("no child\n", "")
    assert find() is not None, "it outlives who summoned it"
    if sys.platform == "linux":
        pid = pid_of(home)
        opened = opened_by(pid)
        assert not any(name.endswith("secret") or "pipe" in name for name in opened.values()), opened
        assert (opened["0"], opened["1"], opened["2"]) == ("/dev/null", *[str(home.log / "daemon.log")] * 2)
        assert os.getsid(pid) != os.getsid(0)


def test_a_program_whose_folder_has_vanished_can_summon(home: paths.Home, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    program = f"import os; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})\n{SUMMON}"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr
    assert int(said.stdout) == pid_of(home)


def test_a_relative_home_in_a_vanished_folder_is_named(home: paths.Home, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    program = f"import os; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})\n{SUMMON}"
    said = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, timeout=60, env={**os.environ, "TELEKEEP_HOME": "home"},
    )  # fmt: skip
    assert "ConfigError" in said.stderr and "gone" in said.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_daemon_has_our_paths_in_full_no_login_of_ours_and_leaves_no_core(
    home: paths.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEKEEP_KEY_FILE", "keys/key")
    monkeypatch.setenv("PYTHONPATH", os.path.relpath(os.environ["PYTHONPATH"]))
    monkeypatch.setenv("TELEGRAM_SESSION_STRING", "1secret")
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere")
    monkeypatch.setenv("TELEGRAM_API_ID", "12345")
    before, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
    try:
        summon()
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (before, most))
    read = Path(f"/proc/{pid_of(home)}/environ").read_bytes().decode().split("\0")
    environ = dict(line.split("=", 1) for line in read if line)
    assert environ["TELEKEEP_KEY_FILE"] == str(home.key_file)
    assert environ["TELEKEEP_LEASES"] == os.environ["TELEKEEP_LEASES"]
    assert environ["TELEGRAM_API_ID"] == "12345"
    assert not {"TELEGRAM_SESSION_STRING", "NOTIFY_SOCKET"} & set(environ)
    assert (Path(f"/proc/{pid_of(home)}/cwd").readlink()) == home.root
    limits = Path(f"/proc/{pid_of(home)}/limits").read_text().splitlines()
    assert next(each.split()[4] for each in limits if each.startswith("Max core")) == "0", "keys are in its memory"


async def test_killed_with_9_it_starts_again_at_once_and_nothing_needs_cleaning(home: paths.Home) -> None:
    for _ in range(3):
        summon()
        pid = pid_of(home)
        os.kill(pid, signal.SIGKILL)
        assert home.control.exists() and (home.run / "daemon.toml").exists()
        assert summon() == home.control
        assert pid_of(home) != pid
    assert starts(home) == 4


def test_killed_before_whoever_summoned_it_has_asked_it_starts_again(
    home: paths.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, killed = import_module("telekeep.borrow.summon"), []
    start = module._start

    def then_kill(*words: Any) -> None:
        start(*words)
        if not killed:
            killed.append(pid_of(home))
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(module, "_start", then_kill)
    assert summon() == home.control
    assert killed and pid_of(home) != killed[0] and starts(home) == 2


async def test_one_that_is_ending_is_waited_for(
    home: paths.Home, served: subprocess.Popen[str], tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    napping = asyncio.create_task(asked(home, "nap", seconds=1.0, mark=str(mark)))
    await until(mark.exists)
    served.send_signal(signal.SIGTERM)
    await until(lambda: hail(home) is None)
    await asyncio.to_thread(summon)
    assert await napping == "rested"
    assert served.wait(timeout=30) == 0 and pid_of(home) != served.pid


def test_a_second_one_in_the_foreground_says_so_and_the_first_serves_on(
    home: paths.Home, served: subprocess.Popen[str], command: Callable[..., Any]
) -> None:
    second = command("--json", "daemon", "start", "--foreground")
    out, _ = second.communicate(timeout=30)
    assert second.returncode == 3
    assert json.loads(out)["error"] == "SessionConflict" and str(served.pid) in json.loads(out)["message"]
    assert (hail(home) or {})["pid"] == served.pid


def test_a_second_one_that_started_itself_ends_without_a_word(
    home: paths.Home, served: subprocess.Popen[str], command: Callable[..., Any]
) -> None:
    second = command("daemon", "start", "--foreground", "--detached")
    assert (second.communicate(timeout=30), second.returncode) == (("", ""), 0)
    assert (hail(home) or {})["pid"] == served.pid


def test_a_daemon_with_its_own_owners_serves(home: paths.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those of the tests."""
    monkeypatch.delenv("PYTHONPATH")
    summon()
    with pytest.raises(SessionNotFound):
        ask(home, "loans")


# ---- why it does not


def test_a_network_that_is_none_is_told_by_class(home: paths.Home) -> None:
    with pytest.raises(ConfigError, match="no network") as error:
        summon(network="nowhere.toml")
    assert "telekeep emulator serve" in (error.value.remedy or "")


@pytest.mark.parametrize("folder", ["root", "run", "log"])
def test_a_home_that_others_can_enter_is_refused(home: paths.Home, folder: str) -> None:
    home.root.mkdir(mode=0o700)
    path: Path = getattr(home, folder)
    path.mkdir(exist_ok=True)
    path.chmod(0o755)
    with pytest.raises(ConfigError, match="open to other users") as error:
        summon()
    assert str(path) in error.value.message and "chmod" in (error.value.remedy or "")


def test_a_home_that_is_no_folder_is_told(home: paths.Home) -> None:
    home.root.write_text("")
    with pytest.raises(ConfigError, match="not a folder"):
        summon()


def test_what_it_dies_of_after_it_was_detached_is_told_by_class(home: paths.Home) -> None:
    for folder in (home.root, home.run, home.run / "daemon.toml"):
        folder.mkdir(mode=0o700)
    with pytest.raises(StorageUnavailable, match=r"daemon\.toml cannot be written"):
        summon()
    assert "StorageUnavailable" in log_of(home) and find() is None


def test_what_nobody_foresaw_is_told_by_its_last_words(
    home: paths.Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sitecustomize.py").write_text("import sys; sys.modules['telekeep.cli.main'] = None")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    with pytest.raises(OwnerAbsent, match="ended before it served") as error:
        summon()
    assert "telekeep.cli.main" in (error.value.remedy or "")


def test_a_daemon_of_another_network_is_not_taken_for_ours(home: paths.Home) -> None:
    summon(network="test")
    assert summon() == home.control, "none was asked for"
    with pytest.raises(ConfigError, match="'test', not to 'production'"):
        summon(network="production")


def test_who_looks_for_the_daemon_loads_nothing_slow(home: paths.Home) -> None:
    """Borrowers do this each time, and must not know the rooms where keys are."""
    program = (
        "import sys; import telekeep.borrow.asking as a; a.find()\n"
        "slow = ('asyncio', 'subprocess', 'telethon', 'click', 'cryptography', 'rich', 'psutil', 'tempfile')\n"
        "rooms = ('vault', 'lease', 'upstream', 'keeper', 'work', 'gateway', 'cli')\n"
        "rooms = tuple('telekeep.' + room for room in rooms)\n"
        "print(sorted(name for name in sys.modules if name in slow or name.startswith(rooms)))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONPATH": ""})  # fmt: skip
    assert said.stdout == "[]\n", said.stderr


async def test_one_that_is_stopped_by_a_signal_is_not_taken_for_none(
    home: paths.Home, command: Callable[..., Any]
) -> None:
    summon()
    os.kill(pid_of(home), signal.SIGSTOP)
    try:
        said = command("daemon", "status")
        _, errors = await asyncio.to_thread(said.communicate, timeout=30)
        assert said.returncode == 8 and f"(pid {pid_of(home)}) runs, and does not answer" in errors
    finally:
        os.kill(pid_of(home), signal.SIGCONT)
