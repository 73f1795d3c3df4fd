"""A session file that is lent out: set aside, stood in for, and put back, whoever is killed and when."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from telekeep.borrow.hook.telekeep_hook import files
from telekeep.borrow.hook.telekeep_hook.refusal import Refused

KEY = bytes(range(256)).hex()
STAND_IN = b"SQLite something " + bytes.fromhex(KEY) + b" end"
HOOK = Path(files.__file__).parent.parent

CLAIMING = f"""
import os, signal, sys
sys.path.insert(0, {str(HOOK)!r})
from telekeep_hook import files
folder, path, step = sys.argv[1], sys.argv[2], int(sys.argv[3])
count = 0
def dying(name):
    call = getattr(os, name)
    def die(*given, **more):
        global count
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **more)
    return die
for each in ("open", "write", "fsync", "replace", "rename", "unlink"):
    setattr(os, each, dying(each))
files.claim(folder, path, session="main", key={KEY!r}, stand_in=lambda: {STAND_IN!r}, check=lambda there: None)
if sys.argv[4] == "undo":
    files.release(folder, path)
print("done", flush=True)
if sys.argv[4] == "hold":
    sys.stdin.read()
"""


def _claim(folder: Path, path: Path, *, session: str = "main") -> str | None:
    return files.claim(
        str(folder), str(path), session=session, key=KEY, stand_in=lambda: STAND_IN, check=lambda there: None
    )


def _process(folder: Path, path: Path, how: str, step: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CLAIMING, str(folder), str(path), str(step), how],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "program").mkdir()
    return tmp_path / "claims", tmp_path / "program" / "bot.session"


@pytest.mark.parametrize("how", ["hold", "undo"])
@pytest.mark.parametrize("there", [True, False])
def test_killed_at_any_step_nothing_is_lost(tmp_path: Path, how: str, there: bool) -> None:
    for step in range(1, 60):
        folder, path = tmp_path / str(step) / "claims", tmp_path / str(step) / "bot.session"
        path.parent.mkdir()
        if there:
            path.write_bytes(b"the real one")
        with _process(folder, path, how, step) as program:
            _, err = program.communicate("")
            assert err == ""
        assert files.sweep(str(folder)) == []
        assert not there or path.read_bytes() == b"the real one"
        assert {each.name for each in path.parent.iterdir()} == ({"bot.session", "claims"} if there else {"claims"})
        assert {each.suffix for each in folder.iterdir()} <= {".lock", ".new"}
        if program.returncode == 0:
            assert step > 6, "it ended before it was killed: no step was tried"
            return
        assert program.returncode == -signal.SIGKILL
    raise AssertionError("it never ended by itself")


def test_the_last_of_several_programs_puts_it_back(place: tuple[Path, Path]) -> None:
    folder, path = place
    path.write_bytes(b"the real one")
    first, second = _process(folder, path, "hold"), _process(folder, path, "hold")
    for each in (first, second):
        assert each.stdout is not None and each.stdout.readline() == "done\n"
    assert files.sweep(str(folder)) == [] and path.read_bytes() == STAND_IN
    first.communicate("")
    assert files.sweep(str(folder)) == [] and path.read_bytes() == STAND_IN
    second.kill()
    second.communicate()
    assert path.read_bytes() == STAND_IN
    assert files.sweep(str(folder)) == [] and path.read_bytes() == b"the real one"


def test_two_sessions_do_not_share_a_file(place: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder, path = place
    with _process(folder, path, "hold") as other:
        assert other.stdout is not None and other.stdout.readline() == "done\n"
        with pytest.raises(Refused) as refused:
            _claim(folder, path, session="second")
        other.communicate("")
    assert refused.value.code == 6 and "in use" in capsys.readouterr().err
    assert _claim(folder, path, session="second") is None  # nobody uses it any more
    files.release(str(folder), str(path))
    assert not path.exists()


def test_what_a_program_puts_there_itself_stays(place: tuple[Path, Path]) -> None:
    folder, path = place
    path.write_bytes(b"the real one")
    aside = _claim(folder, path)
    assert aside is not None and Path(aside).read_bytes() == b"the real one" and Path(aside).parent == path.parent
    path.write_bytes(b"a backup that the program has put back")
    os.close(files._held.pop(str(path)))
    (told,) = files.sweep(str(folder))
    assert str(path) in told and aside in told
    assert path.read_bytes() == b"a backup that the program has put back"
    assert Path(aside).read_bytes() == b"the real one"
    with pytest.raises(Refused):  # both would be set aside under one name
        _claim(folder, path)
    assert Path(aside).read_bytes() == b"the real one"


def test_a_stand_in_that_was_deleted_is_no_loss(place: tuple[Path, Path]) -> None:
    folder, path = place
    path.write_bytes(b"the real one")
    _claim(folder, path)
    path.unlink()
    _claim(folder, path)
    assert path.read_bytes() == STAND_IN
    path.unlink()
    files.release(str(folder), str(path))
    assert path.read_bytes() == b"the real one"


def test_a_folder_that_cannot_be_written_to_needs_no_stand_in(place: tuple[Path, Path]) -> None:
    if not os.geteuid():
        pytest.skip("root may write anywhere")
    folder, path = place
    path.parent.chmod(0o500)
    assert _claim(folder, path) is None
    files.release(str(folder), str(path))


def test_a_file_that_another_process_has_open_is_seen(place: tuple[Path, Path]) -> None:
    _, path = place
    path.write_bytes(b"x")
    assert files.user_of(str(path)) is None
    with path.open("rb") as file, subprocess.Popen(["sleep", "20"], stdin=file) as sleeper:
        assert files.user_of(str(path)) == sleeper.pid
        sleeper.kill()
