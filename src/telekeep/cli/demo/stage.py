"""The stage of the demo: a folder of its own, an emulator as a process, and programs started on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import tomllib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

_READY_SECONDS = 90  # on a machine that has much else to do
_END_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Said:
    """What a finished program said: exit code, standard output, and standard error, without the last line break."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        return ((self.out + "\n" + self.err).strip().splitlines() or [""])[-1]


@dataclass
class Stage:
    """A temporary world. Everything on it, processes and folders, is gone when it is left."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="telekeep-demo-")))
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def network(self) -> Path:
        return self.folder / "network.toml"

    def environment(self, home: str = "home") -> dict[str, str]:
        """The environment of a program on this stage: nothing of the user's own settings is used or touched."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TELEGRAM_", "TELEKEEP_"))}
        return kept | {
            "TELEKEEP_HOME": str(self.folder / home),
            "TELEKEEP_KEY_FILE": str(self.folder / f"{home}.key" / "key"),
            "TELEKEEP_STATE": str(self.folder / f"{home}.state"),
            "TELEKEEP_LEASES": str(self.folder / "leases"),
            "TELEKEEP_NETWORK": str(self.network),
            "TELEGRAM_API_ID": "1",
            "TELEGRAM_API_HASH": "0" * 32,
            "PYTHONUNBUFFERED": "1",
        }

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def start(self, *words: str, home: str = "home") -> subprocess.Popen[str]:
        """Start ``python WORDS…`` and go on."""
        process = subprocess.Popen(
            [sys.executable, *words],
            env=self.environment(home),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running.append(process)
        return process

    def finish(self, process: subprocess.Popen[str]) -> Said:
        """Wait for a program of ours to end, at most two minutes."""
        out, err = process.communicate(timeout=_END_SECONDS)
        self.running.remove(process)
        return Said(process.returncode, out.strip(), err.strip())

    def run(self, *words: str, home: str = "home") -> Said:
        return self.finish(self.start(*words, home=home))

    def telekeep(self, *words: str, home: str = "home") -> Said:
        return self.run("-m", "telekeep", *words, home=home)

    def stats(self) -> dict[str, Any]:
        """The emulator's counters."""
        counters: dict[str, Any] = json.loads(self.telekeep("emulator", "stats", "--json").out)
        return counters

    def kill(self, process: subprocess.Popen[str]) -> None:
        """kill -9, and reap."""
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.running.remove(process)

    def daemon_pid(self, home: str = "home") -> int | None:
        """The daemon of a home, if one runs."""
        said = self.telekeep("daemon", "status", "--json", home=home)
        return json.loads(said.out)["pid"] if said.code == 0 else None

    def _stop_daemons(self) -> None:
        """End the daemons that programs of ours have started, and wait until they are gone."""
        for face in self.folder.glob("*/run/daemon.toml"):
            said = self.telekeep("daemon", "stop", home=face.parent.parent.name)
            if said.code and face.exists():
                with suppress(OSError, KeyError, ValueError):
                    os.kill(tomllib.loads(face.read_text())["pid"], signal.SIGKILL)

    def __enter__(self) -> Stage:
        for name in ("leases",):
            (self.folder / name).mkdir()
            (self.folder / name).chmod(0o1777)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from shutil import rmtree

        self._stop_daemons()
        for process in reversed(self.running):
            process.kill()
            process.communicate()
        rmtree(self.folder, ignore_errors=True)


def first_line(process: subprocess.Popen[str]) -> str:
    """The first line a program prints, or what it said when it ended without one."""
    from select import select

    assert process.stdout is not None
    ready, _, _ = select([process.stdout], [], [], _READY_SECONDS)
    line = process.stdout.readline().strip() if ready else ""
    if line:
        return line
    process.kill()
    _, err = process.communicate()
    raise RuntimeError(f"a program of the demo did not start: {err.strip() or 'no word of it'}")
