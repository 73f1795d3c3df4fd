"""Programs pinned to old releases, each in an environment of its own, beside each other on one session."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.pictures import png
from stories.borrowing.lending import PROGRAMS, Lending, line
from telekeep.cli.demo.stage import Stage

RELEASES = Path(__file__).parents[2] / ".venv" / "releases"
PINNED = ("telethon-1.26.1", "telethon-1.36.0", "telethon-1.39.0", "telethon-1.42.0")
IN_FULL = [
    pytest.mark.layers,
    pytest.mark.skipif(not os.environ.get("TELEKEEP_LAYERS"), reason="every release in every way: make layers"),
]


@pytest.fixture
def lending(kept: Stage) -> Iterator[Lending]:
    with Lending(kept) as lending:
        yield lending


def python(release: str) -> str:
    """The interpreter of an environment; ours if it is none."""
    found = RELEASES / release / "bin" / "python"
    if release != "own" and not found.exists():
        pytest.fail(f"{release} is not set up: make layers")
    return str(found) if release != "own" else sys.executable


def start(lending: Lending, way: str, release: str, *words: str | Path) -> subprocess.Popen[str]:
    """A program on a loan: given as a ``string``, by ``telekeep run``, or in an ``adopted`` session file."""
    folder = lending.folder / f"{release}.{way}"
    folder.mkdir()
    command = [python(release), str(PROGRAMS / "pinned.py"), *map(str, words)]
    environ = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
    if way == "string":
        environ["SESSION"] = lending.lend("main", "--as", release)
    elif way == "run":
        command = [sys.executable, "-m", "telekeep", "run", "main", "--as", release, "--", *command]
        environ = lending.stage.environment()
    else:
        file = str(folder / "bot.session")
        lending.ok("export", "main", "--to", "telethon-sqlite", "--out", file, "--yes")
        lending.ok("adopt", file)
    process = subprocess.Popen(
        command,
        env=environ,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lending.stage.running.append(process)
    return process


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go on\n")
    process.stdin.flush()


def _why(program: subprocess.Popen[str]) -> str:
    """What a program that does not go on has to say."""
    program.kill()
    return f"{program.args}: {program.communicate()[1]}"


def _all_hear_from_all(programs: dict[str, subprocess.Popen[str]], words: str) -> None:
    for program in programs.values():
        go_on(program)
    expected = "|".join(["heard", *sorted(f"{words} {name}" for name in programs)])
    for program in programs.values():
        assert line(program, 60) == expected, _why(program)


@pytest.mark.parametrize("way", ["string", pytest.param("run", marks=IN_FULL), pytest.param("adopted", marks=IN_FULL)])
def test_programs_pinned_to_old_releases_live_on_one_session_beside_new_ones(
    lending: Lending, way: str, tmp_path: Path
) -> None:
    (tmp_path / "picture.png").write_bytes(png(40, 30))
    lending.telegram("channel", title="Club", username="the_club", group=True, messages=5, members=["9996621234"])
    names = ("own", *PINNED)
    programs = {name: start(lending, way, name, name, len(names), tmp_path) for name in names}
    for name, program in programs.items():
        assert line(program) == "signed on 9996621234 True UserFull", _why(program)
        assert line(program) == f"wrote edited by {name} | edited by {name} True True", _why(program)
        assert line(program) == "files True a file True True", _why(program)
        assert line(program) == f"club Club True 5 True another word of {name} True", _why(program)
    _all_hear_from_all(programs, "here is")
    lending.kill_daemon()
    lending.ok("daemon", "start")
    _all_hear_from_all(programs, "goodbye from")
    for program in programs.values():
        said = lending.stage.finish(program)
        assert said.code == 0, said
    if way == "run":
        assert not list(lending.folder.glob("*.run/*")), "a session file was left"
    seen = lending.check()
    assert seen["logins"] == 1
