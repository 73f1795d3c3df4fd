"""The command line, run for real: as processes in a world of their own, or in this process where that is enough."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from cli.helpers import Run, Said
from telekeep.cli.main import main
from telekeep.keeper.keeper import Keeper


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that this process and its children take for the whole world: nothing of the user's own is seen."""
    for name in [name for name in os.environ if name.startswith(("TELEGRAM_", "TELEKEEP_"))]:
        monkeypatch.delenv(name)
    for name, value in {
        "TELEKEEP_HOME": str(tmp_path / "home"),
        "TELEKEEP_KEY_FILE": str(tmp_path / "keys" / "key"),
        "TELEKEEP_STATE": str(tmp_path / "state"),
        "TELEKEEP_LEASES": str(tmp_path / "leases"),
        "TELEGRAM_API_ID": "1",
        "TELEGRAM_API_HASH": "0" * 32,
        "NO_COLOR": "1",
    }.items():
        monkeypatch.setenv(name, value)
    leases = tmp_path / "leases"
    leases.mkdir()
    leases.chmod(0o1777)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command in this process. It takes its time without a word: a busy machine is slow, not wrong."""
    monkeypatch.setattr("telekeep.cli.output.PATIENCE", 600.0)
    monkeypatch.setattr("telekeep.health.checks.network.SLOW", 600.0)

    def run(*words: str) -> Said:
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def process(world: Path) -> Run:
    """Run one command as a process of its own, without a terminal."""

    def run(*words: str, stdin: str | bytes | None = None, environ: Mapping[str, str] | None = None) -> Said:
        given = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [sys.executable, "-m", "telekeep", *map(str, words)],
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            timeout=120,
            env={**os.environ, **(environ or {})},
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def keeper(world: Path) -> Iterator[Keeper]:
    """The keeper of the world's home, on Telegram's production network; it connects to nothing."""
    with Keeper.open() as keeper:
        yield keeper


@pytest.fixture
def served(world: Path) -> Iterator[subprocess.Popen[str]]:
    """An emulator in the foreground of another process, ready."""
    running = subprocess.Popen(
        [sys.executable, "-m", "telekeep", "emulator", "serve", "--network-file", "net.toml"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout and running.stdout.readline() == "ready net.toml\n"
    yield running
    running.kill()
    running.communicate()


@pytest.fixture(autouse=True)
def no_daemon_outlives_a_test(tmp_path: Path) -> Iterator[None]:
    """`adopt` starts one, of the production network: it would knock there for a quarter of an hour."""
    yield
    for face in tmp_path.glob("*/run/daemon.toml"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended by itself
            pid = int(tomllib.loads(face.read_text())["pid"])
            if str(tmp_path) in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, signal.SIGKILL)
