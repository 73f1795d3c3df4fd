"""Signals, exit codes, and what is left when somebody is killed: nothing."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

from stories.borrowing.lending import line, until
from stories.conftest import PHONE
from stories.running.house import PROGRAMS, House, ended, names
from stories.running.test_any_session import real_session
from telekeep.borrow import asking
from telekeep.errors import OwnerAbsent


def test_the_exit_code_is_that_of_the_program(house: House, folder: Path) -> None:
    for code in (0, 3, 255):
        assert house.run("-c", cwd=folder, flags=("-c", f"raise SystemExit({code})")).code == code
    assert house.run("-c", cwd=folder, flags=("-c", "import os; os.abort()")).code == 128 + signal.SIGABRT
    look = ("grep", "-E", "SigIgn|SigBlk", "/proc/self/status")
    bare = subprocess.run(look, capture_output=True, text=True, check=True).stdout  # below nohup, some are ignored
    said = house.stage.telekeep("run", "main", "--", *look)
    assert said.out == bare.strip(), "Python ignores SIGPIPE, and we block what we pass on"


def test_signals_are_passed_on_once(house: House, folder: Path) -> None:
    program = house.start("obeying.py", cwd=folder)
    assert line(program).startswith("ready")
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGINT"):
        program.send_signal(signal.Signals[name])
        assert line(program) == name
    program.send_signal(signal.SIGINT)
    said = ended(program)
    assert (said.code, said.out, said.err) == (5, "SIGINT", "")


def test_control_c_reaches_the_program_once(house: House, folder: Path) -> None:
    """The terminal sends it to both of us: passed on as well, it would come twice, and interrupt cleaning up."""
    here, there = pty.openpty()
    program = [sys.executable, str(PROGRAMS / "obeying.py")]
    command = [sys.executable, "-m", "telekeep", "run", "main", "--", *program]
    program = subprocess.Popen(
        command, cwd=folder, env=house.stage.environment(), stdin=there, stdout=subprocess.PIPE, stderr=there,
        text=True, preexec_fn=_in_front,
    )  # fmt: skip
    house.stage.running.append(program)
    house.groups.append(program.pid)
    os.close(there)
    assert line(program).startswith("ready")
    os.write(here, b"\x03")
    assert line(program) == "SIGINT"
    for _ in range(30):  # a second one would often, but not always, become one with the first
        os.write(here, b"\x1c")
        assert line(program) == "SIGQUIT"
        program.send_signal(signal.SIGUSR1)
        assert line(program) == "SIGUSR1"
    os.write(here, b"\x03")
    assert ended(program).code == 5
    os.close(here)


def test_a_job_that_is_stopped_goes_on(house: House, folder: Path) -> None:
    program = house.start("obeying.py", cwd=folder)
    pid = int(line(program).split()[1])
    program.send_signal(signal.SIGTSTP)
    until(lambda: _state(program.pid) == _state(pid) == "T")
    program.send_signal(signal.SIGCONT)
    until(lambda: "T" not in (_state(program.pid), _state(pid)))
    program.send_signal(signal.SIGTERM)
    assert line(program) == "SIGTERM"
    for _ in range(2):
        program.send_signal(signal.SIGINT)
        assert line(program) == "SIGINT"
    assert ended(program).code == 5


def test_a_listener_hears_and_ends_in_order(house: House, folder: Path) -> None:
    program = house.start("listener.py", cwd=folder, options=("--as", "hears"))
    assert line(program) == "ready"
    house.lending.telegram("send", to=PHONE, text="good morning")
    assert line(program) == "heard good morning"
    program.send_signal(signal.SIGTERM)
    assert line(program) == "asked to stop"
    (loan,) = (each for each in house.lending.loans() if each["label"] == "hears")
    asking.ask(house.lending.where(), "revoke", loan=loan["id"])
    said = ended(program)
    assert said.code == 8 and "has ended" in said.err, said
    assert not list(folder.iterdir())


def test_the_loan_ends_with_its_program(house: House, folder: Path) -> None:
    program = house.start("listener.py", cwd=folder, options=("--as", "ends", "--grant", "read-only", "--for", "1h"))
    assert line(program) == "ready"
    (mine,) = (each for each in house.lending.loans() if each["label"] == "ends")
    assert (mine["state"], mine["grant"], mine["lasting"]) == ("open", "read-only", False)
    assert round(mine["expires_at"] - mine["made_at"]) == 3600
    os.kill(_child(program.pid), signal.SIGKILL)
    assert ended(program).code == 128 + signal.SIGKILL
    until(lambda: [each["state"] for each in house.lending.loans() if each["label"] == "ends"] == ["revoked"])
    assert not list(folder.iterdir())


def test_if_run_itself_is_killed_the_next_one_puts_the_file_back(house: House, folder: Path) -> None:
    file = folder / "listener.session"
    real_session(file, house)
    before = file.read_bytes()
    program = house.start("listener.py", cwd=folder)
    assert line(program) == "ready"
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    assert house.run("from_environment.py", cwd=folder).code == 0
    assert file.read_bytes() != before  # its program still runs
    os.killpg(program.pid, signal.SIGKILL)
    ended(program)
    assert house.run("from_environment.py", cwd=folder).code == 0
    assert file.read_bytes() == before
    assert names(folder) == ["listener.session"]


def test_a_program_that_outlives_its_run_gets_no_session_of_its_own(house: House, folder: Path) -> None:
    """Its environment is that of a run that has ended; what lies at its file's place is the real one again."""
    real_session(folder / "late.session", house)
    late = folder / "late.py"
    late.write_text(
        "import sys; sys.stdin.readline()\n"
        "from telethon.sync import TelegramClient\n"
        "with TelegramClient('late', 1, 'a' * 32) as client: print(client.get_me().id)\n"
    )
    starter = folder / "starter.py"
    starter.write_text(
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, {str(late)!r}], stdin=open({str(folder / 'go')!r}), "
        f"stdout=open({str(folder / 'out')!r}, 'w'), stderr=open({str(folder / 'err')!r}, 'w'))\n"
    )
    os.mkfifo(folder / "go")
    go = os.open(folder / "go", os.O_RDWR)
    assert house.run(starter, cwd=folder).code == 0
    os.write(go, b"\n")
    os.close(go)
    until(lambda: "which has ended" in (folder / "err").read_text())
    assert (folder / "out").read_text() == ""


def test_an_ended_loan_is_told_in_words_and_ends_the_program(house: House, folder: Path) -> None:
    """It catches every error, deletes its session and tries again: it would ask for a phone number in the end."""
    file = folder / "careless.session"
    real_session(file, house)
    before = file.read_bytes()
    program = house.start("careless.py", cwd=folder, options=("--as", "careless"))
    assert line(program) == "made True"
    (mine,) = (each for each in house.lending.loans() if each["label"] == "careless" and each["state"] == "open")
    asking.ask(house.lending.where(), "revoke", loan=mine["id"])
    out, err = program.communicate("\n", timeout=60)
    assert (program.returncode, out) == (8, ""), (program.returncode, out, err)
    assert "has ended" in err and "telekeep run main" in err
    assert file.read_bytes() == before


def test_nothing_leads_a_loan_away_from_the_gateway(house: House, folder: Path) -> None:
    said = house.run("elsewhere.py", cwd=folder)
    assert said.code == 0, said
    for each in said.out.splitlines():
        assert each.split("|")[1:] == [house.ada, "127.0.0.1"], each
    assert len(said.out.splitlines()) == 10


def test_a_program_goes_on_when_the_daemon_was_killed(house: House, folder: Path) -> None:
    program = house.start("listener.py", cwd=folder)
    assert line(program) == "ready"
    house.lending.kill_daemon()
    until(lambda: _is_borrowing(house, "listener.py"))
    house.lending.telegram("send", to=PHONE, text="still there?")
    assert line(program) == "heard still there?"
    os.kill(_child(program.pid), signal.SIGKILL)
    assert ended(program).code == 137


def test_six_programs_of_every_kind_at_once(house: House, folder: Path) -> None:
    listeners = [house.start("listener.py", cwd=folder) for _ in range(2)]  # twice the same, in the same folder
    for each in listeners:
        assert line(each) == "ready"
    others = [
        house.start("from_environment.py", cwd=folder),
        house.start("by_name.py", "a", cwd=folder),
        house.start("by_name.py", "b", "file", cwd=folder),
        house.start("children.py", cwd=folder),
    ]
    for other in others:
        said = house.stage.finish(other)
        assert said.code == 0 and house.ada in said.out, said
    house.lending.telegram("send", to=PHONE, text="to all")
    for each in listeners:
        assert line(each) in ("heard to all",)
        os.kill(_child(each.pid), signal.SIGKILL)
        assert ended(each).code == 137
    assert not list(folder.iterdir())


# ---- what cannot work is said before it starts


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("main", "--", "no-such-program"), 2, "There is no program 'no-such-program'"),
        (("main",), 2, "CMD"),
        (("nobody", "--", "true"), 1, "nobody"),
        (("main", "--grant", "everything", "--", "true"), 2, "everything"),
        (("main", "--", "/dev/null"), 2, "There is no program"),
    ],
)
def test_what_cannot_work_is_said_before_it_starts(
    house: House, folder: Path, words: tuple[str, ...], code: int, told: str
) -> None:
    said = house.stage.telekeep("run", *words)
    assert said.code == code and told in said.err, said


def test_old_pyrogram_is_refused_with_the_way_out(house: House, folder: Path) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / "python3").symlink_to(sys.executable)
    (folder / "lib" / "python3.11" / "site-packages" / "Pyrogram-2.0.106.dist-info").mkdir(parents=True)
    said = house.stage.telekeep("run", "main", "--", str(folder / "bin" / "python3"), "-c", "print('started')")
    assert said.code == 6 and said.out == "", said
    assert "Pyrogram 2.0.106" in said.err and "kurigram" in said.err


def test_the_double_dash_may_be_left_away(house: House, folder: Path) -> None:
    print_it = "import sys; print(sys.argv[1:])"
    said = house.stage.telekeep("run", "main", "--as", "x", sys.executable, "-c", print_it, "--as", "y", "--", "-z")
    assert (said.code, said.out) == (0, "['--as', 'y', '--', '-z']"), said


def test_a_dead_session_is_told_before_anything_starts(house: House, folder: Path) -> None:
    house.lending.telegram("account", phone="9996628888", first_name="Gone")
    house.lending.ok("auth", "gone", "--phone", "9996628888", "--code", "22222")
    house.begun = house.lending.stats()
    house.lending.telegram("fault", kind="revoke", phone="9996628888")
    said = house.run("by_name.py", "x", cwd=folder, name="gone")
    assert (said.code, said.out) == (1, ""), said
    assert not list(folder.iterdir())


def _in_front() -> None:
    """Standard input is our terminal, and we are what Ctrl-C is for."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _is_borrowing(house: House, label: str) -> bool:
    with suppress(OwnerAbsent):  # it is being started
        return any(each["borrowers"] for each in house.lending.loans() if each["label"] == label)
    return False


def _child(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
