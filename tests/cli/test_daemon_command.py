"""`telekeep daemon`, `unlock` and `lock`: from any state, for people and for scripts, on real daemons."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import subprocess
import sys
import termios
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cli.helpers import keep
from telekeep import paths
from telekeep.borrow.asking import ask, hail
from telekeep.errors import SessionSealed
from telekeep.keeper.keeper import Keeper
from telekeep.vault.keys.passphrase import Passphrase
from telekeep.work import alone

PHRASE = "correct horse battery"
STAND_IN = Path(__file__).parents[1] / "work" / "stand_in"


@pytest.fixture(autouse=True)
def home(world: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[paths.Home]:
    """The home of the world, whose daemon has owners of nothing; it does not outlive the test."""
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(world / "config"))
    where = paths.home()
    yield where
    with suppress(FileNotFoundError):
        while not alone.is_free(where):
            found = hail(where)
            if found is not None:
                with suppress(ProcessLookupError):  # it has just ended by itself
                    os.kill(found["pid"], signal.SIGKILL)


# ---- start and stop


def test_start_stop_and_restart_work_from_any_state(call, home: paths.Home) -> None:
    said = call("daemon", "stop")
    assert said.code == 0 and said.out == "No daemon runs.\n"
    said = call("daemon", "start", "--json")
    assert said.code == 0 and (said.json["running"], said.json["started"]) == (True, True)
    pid = said.json["pid"]
    assert (hail(home) or {})["pid"] == pid, "it serves when start returns"
    said = call("daemon", "start")
    assert said.code == 0 and said.out == f"The daemon runs already (pid {pid}).\n"
    assert call("daemon", "start", "--json").json["started"] is False
    said = call("daemon", "restart", "--json")
    assert said.code == 0 and said.json["started"] is True and said.json["pid"] != pid
    assert call("daemon", "stop", "--json").json == {"running": False, "stopped": True}
    assert hail(home) is None and alone.is_free(home)
    assert call("daemon", "restart").code == 0, "restart when stopped starts"
    assert hail(home) is not None
    assert call("daemon", "stop", "--quiet").out == ""


def test_start_as_a_process_leaves_one_that_serves(process, home: paths.Home) -> None:
    assert process("daemon", "start").code == 0
    assert hail(home) is not None


def test_it_may_open_as_many_files_as_the_system_allows(process, home: paths.Home) -> None:
    """Two hundred sessions need more than the usual 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        assert process("daemon", "start").code == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    said = hail(home)
    assert said is not None
    assert resource.prlimit(said["pid"], resource.RLIMIT_NOFILE)[0] == min(hard, 65_536)


def test_start_says_why_it_cannot(call, home: paths.Home, world: Path) -> None:
    home.root.mkdir(mode=0o700)
    home.run.mkdir()
    home.run.chmod(0o755)
    said = call("daemon", "start")
    assert said.code == 6 and "open to other users" in said.err and "chmod 700" in said.err
    home.run.chmod(0o700)
    said = call("daemon", "start", "--network", "nowhere.toml", "--json")
    assert said.code == 6 and said.json["error"] == "ConfigError" and "nowhere.toml" in said.json["message"]


def test_one_started_by_hand_stays_unless_told_otherwise(call, home: paths.Home) -> None:
    assert call("daemon", "start").code == 0
    assert call("daemon", "status", "--json").json["idle_exit"] is None
    assert call("daemon", "restart", "--idle", "60").code == 0
    assert call("daemon", "status", "--json").json["idle_exit"] == 60


def test_stop_names_a_daemon_that_does_not_end(call, home: paths.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telekeep.cli.daemon.STOPPING", 0.3)
    call("daemon", "start")
    pid = (hail(home) or {})["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        monkeypatch.setattr("telekeep.borrow.asking.exchange", _no_answer)
        said = call("daemon", "stop")
    finally:
        monkeypatch.undo()
        os.kill(pid, signal.SIGCONT)
    assert said.code == 8 and f"pid {pid}" in said.err and "telekeep daemon logs" in said.err
    os.kill(pid, signal.SIGKILL)


def _no_answer(*args: object, **more: object) -> None:
    raise TimeoutError


def test_a_service_is_restarted_by_its_manager(call, home: paths.Home, world: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "telekeep", "daemon", "start", "--foreground"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "NOTIFY_SOCKET": str(world / "notify")},
    )
    with running:
        assert running.stdout and running.stdout.readline() == f"ready {home.control}\n".encode()
        said = call("daemon", "restart")
        assert said.code == 6 and "systemctl --user restart telekeep" in said.err
        assert (hail(home) or {})["pid"] == running.pid
        assert call("daemon", "stop").code == 0 and running.wait(timeout=30) == 0


# ---- what it says


def test_status_says_what_runs_and_with_its_exit_code_whether(call, home: paths.Home) -> None:
    said = call("daemon", "status")
    assert said.code == 8 and "No daemon runs" in said.out and "telekeep daemon start" in said.out
    assert call("daemon", "status", "--json").json == {"running": False}
    call("daemon", "start")
    said = call("daemon", "status")
    assert said.code == 0
    for fact in (f"pid {(hail(home) or {})['pid']}", "production", "none yet", "main (connected, 2 borrowers)"):
        assert fact in said.out, fact
    facts = call("daemon", "status", "--json").json
    assert facts["running"] is True and facts["sessions"][0]["name"] == "main" and facts["locked"] is False


def test_logs_shows_the_last_lines(call, home: paths.Home) -> None:
    said = call("daemon", "logs")
    assert said.code == 0 and said.out == "" and "Nothing is logged" in said.err
    call("daemon", "start")
    call("daemon", "stop")
    said = call("daemon", "logs")
    assert said.code == 0 and "INFO serving" in said.out and said.out.endswith("INFO stopped\n")
    assert call("daemon", "logs", "--lines", "1").out.count("\n") == 1
    assert call("daemon", "logs", "--lines", "2", "--json").json["lines"] == said.out.splitlines()[-2:]
    assert call("daemon", "logs", "--follow", "--json").code == 2


def test_logs_goes_back_beyond_the_file_that_was_moved_aside(call, home: paths.Home) -> None:
    for folder in (home.root, home.log):
        folder.mkdir(mode=0o700)
    (home.log / "daemon.log.1").write_text("one\ntwo\n")
    (home.log / "daemon.log").write_text("three\n")
    assert call("daemon", "logs", "--lines", "2").out == "two\nthree\n"
    assert call("daemon", "logs").out == "one\ntwo\nthree\n"
    assert call("daemon", "logs", "--lines", "0").out == ""


def test_follow_shows_what_is_written_from_now_on_and_follows_the_log_aside(home: paths.Home) -> None:
    for folder in (home.root, home.log):
        folder.mkdir(mode=0o700)
    log = home.log / "daemon.log"
    log.write_text("before\n")
    reading = subprocess.Popen(
        [sys.executable, "-m", "telekeep", "daemon", "logs", "--follow", "--lines", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert reading.stdout and reading.stdout.readline() == "before\n"
        with log.open("a") as file:
            file.write("half ")
            file.flush()
            file.write("a line\n")
        assert reading.stdout.readline() == "half a line\n"
        log.rename(home.log / "daemon.log.1")
        log.write_text("a new file\n")
        assert reading.stdout.readline() == "a new file\n"
        reading.send_signal(signal.SIGINT)
        assert reading.wait(timeout=30) == 130
    finally:
        reading.kill()
        reading.communicate()


# ---- as a service


@pytest.mark.skipif(sys.platform != "linux", reason="the unit is systemd's")
def test_install_service_writes_a_unit_and_says_what_comes_next(call, world: Path) -> None:
    said = call("daemon", "install-service", "--print")
    assert said.code == 0 and said.out.startswith("[Unit]") and not (world / "config").exists()
    said = call("daemon", "install-service")
    unit = world / "config" / "systemd" / "user" / "telekeep.service"
    assert said.code == 0 and unit.read_text().startswith("[Unit]")
    assert "systemctl --user daemon-reload" in said.out and "enable --now telekeep.service" in said.out
    assert f"--home {world / 'home'} --network production" in unit.read_text()
    assert f"Environment=TELEKEEP_STATE={world / 'state'}" in unit.read_text()
    assert call("daemon", "install-service").code == 0, "the same again changes nothing"


@pytest.mark.skipif(sys.platform != "linux", reason="the unit is systemd's")
def test_a_unit_that_somebody_changed_is_not_overwritten_without_a_yes(call, world: Path) -> None:
    call("daemon", "install-service")
    unit = world / "config" / "systemd" / "user" / "telekeep.service"
    unit.write_text("mine")
    said = call("daemon", "install-service")
    assert said.code == 6 and "--yes" in said.err and unit.read_text() == "mine"
    assert call("daemon", "install-service", "--yes").code == 0
    assert unit.read_text() != "mine"


# ---- unlock and lock


@pytest.fixture
def sealed(keeper: Keeper, world: Path) -> Path:
    """A file with the passphrase that the vault is sealed with."""
    keep(keeper)
    keeper.vault.rotate(Passphrase(lambda: PHRASE))
    keeper.close()
    file = world / "phrase"
    file.write_text(f"{PHRASE}\n")
    file.chmod(0o600)
    return file


def opens(home: paths.Home) -> bool:
    try:
        return bool(ask(home, "session", name="main"))
    except SessionSealed as error:
        assert "`telekeep unlock`" in (error.remedy or "")
        return False


def test_a_passphrase_typed_at_the_terminal_opens_the_daemons_vault(call, sealed, home: paths.Home) -> None:
    """On a real terminal, where it is not shown, and may be mistyped."""
    call("daemon", "start")
    assert not opens(home)
    said = typed("telekeep unlock --for 8h", ["wrong", PHRASE])
    assert "The vault is open for 8 h." in said and PHRASE not in said
    assert said.count("Passphrase of the vault:") == 2 and "does not open this vault" in said
    assert opens(home)
    status = call("daemon", "status").out
    assert "open, key from a passphrase, locks in 7 h" in status
    assert PHRASE not in call("daemon", "logs").out
    assert call("lock").code == 0
    assert not opens(home) and "locked: `telekeep unlock`" in call("daemon", "status").out


def test_unlock_starts_the_daemon_and_reads_the_passphrase_file(
    call, sealed: Path, home: paths.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("unlock").code == 6, "nobody can be asked"
    assert not opens(home)
    monkeypatch.setenv("TELEKEEP_PASSPHRASE_FILE", str(sealed))
    said = call("unlock", "--json")
    assert said.code == 0 and said.json == {"locked": False, "locks_in": None, "key_source": "passphrase"}
    assert opens(home)
    assert call("unlock", "--for", "soon").code == 2


def test_a_wrong_passphrase_is_exit_code_7(call, sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed.write_text("hunter2 and hunter3")
    monkeypatch.setenv("TELEKEEP_PASSPHRASE_FILE", str(sealed))
    said = call("unlock")
    assert said.code == 7 and "hunter2" not in said.out + said.err
    sealed.chmod(0o644)
    assert call("unlock").code == 6, "a passphrase that others can read is none"


def test_without_a_vault_there_is_nothing_to_unlock(call) -> None:
    said = call("unlock")
    assert said.code == 7 and "`telekeep auth NAME`" in said.err


def test_lock_without_a_daemon_says_so_and_starts_none(call, home: paths.Home) -> None:
    said = call("lock", "--json")
    assert said.code == 0 and said.json == {"locked": True, "running": False}
    assert hail(home) is None


def typed(command: str, answers: list[str]) -> str:
    """What a person sees on a terminal of their own while they type ``answers`` to ``command``, one per question."""
    hands, keyboard = os.openpty()

    def controlling() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [sys.executable, "-m", *command.split()],
        stdin=keyboard, stdout=keyboard, stderr=keyboard, start_new_session=True, preexec_fn=controlling,
    )  # fmt: skip
    os.close(keyboard)
    seen, decode = "", getincrementaldecoder("utf-8")().decode  # a letter may come in two parts
    with process, suppress(OSError):  # EIO: the last one that had the terminal has closed it
        while True:
            seen += decode(os.read(hands, 4096))
            if answers and seen.count("Passphrase of the vault:") > 2 - len(answers) and seen.endswith(": "):
                os.write(hands, f"{answers.pop(0)}\n".encode())
    os.close(hands)
    assert process.returncode == 0, seen
    return seen
