"""A kept session, a daemon, and other people's programs below `telekeep run`, each in a folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from stories.borrowing.lending import Lending
from telekeep.cli.demo.stage import Said, Stage, first_line
from telekeep.session.network import load

PROGRAMS = Path(__file__).parent
ADA, ADA_CODE = "9996621234", "22222"
GRACE, GRACE_CODE = "9996647777", "44444"  # at data center 4
BOT = "5551234:" + "A" * 35


class House:
    """``main`` is Ada's, ``second`` another account's. Telegram sees no second login and no second connection."""

    def __init__(self, lending: Lending, users: tuple[int, int]) -> None:
        self.lending = lending
        self.stage = lending.stage
        self.network = load(str(self.stage.network))
        self.string = lending.ok("export", "main", "--to", "telethon-string", "--yes")
        self.other = lending.ok("export", "second", "--to", "telethon-string", "--yes")
        self.key = urlsafe_b64decode(self.string[1:])[-256:]
        self.ada, self.grace = (str(each) for each in users)
        self.begun = lending.stats()
        self.groups: list[int] = []

    def folder(self) -> Path:
        return Path(mkdtemp(dir=self.stage.folder, prefix="program-"))

    def start(
        self,
        program: str | Path,
        *words: str | Path,
        cwd: Path,
        options: tuple[str, ...] = (),
        environ: Mapping[str, str] | None = None,
        python: str | Path = sys.executable,
        flags: tuple[str, ...] = (),
        name: str = "main",
    ) -> subprocess.Popen[str]:
        """``telekeep run NAME OPTIONS -- PYTHON FLAGS PROGRAM WORDS``, in the folder ``cwd``."""
        path = PROGRAMS / program
        command = [sys.executable, "-m", "telekeep", "run", name, *options, "--", python, *flags, path, *words]
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=cwd,
            env=self.stage.environment() | dict(environ or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,  # as a shell would; and nothing of it outlives the test
        )
        self.stage.running.append(process)
        self.groups.append(process.pid)
        return process

    def run(self, program: str | Path, *words: str | Path, **options: Any) -> Said:
        return self.stage.finish(self.start(program, *words, **options))

    def check(self) -> None:
        """Nothing has happened at Telegram that borrowing may not bring about, and nothing is left of any run."""
        seen = self.lending.check()
        assert (seen["logins"], seen["codes_sent"]) == (self.begun["logins"], self.begun["codes_sent"]), seen
        run = self.lending.where().run
        left = [
            each for each in (*(run / "programs").glob("*"), *(run / "files").glob("*")) if each.name != "turn.lock"
        ]
        assert not left, left

    def tidy(self) -> None:
        self.kill()
        self.run("-c", cwd=self.folder(), flags=("-c", ""))
        self.begun = self.lending.stats()

    def kill(self) -> None:
        """Every program with all that it has started: what holds our pipes keeps us waiting."""
        for group in self.groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        self.groups.clear()

    def __repr__(self) -> str:
        return "<House>"


def furnished(stage: Stage) -> tuple[int, int]:
    """An emulator with Ada, Grace and a bot; Ada is kept as ``main``, and another account as ``second``.

    Returns the ids of Ada and Grace.
    """
    first_line(stage.start("-m", "telekeep", "emulator", "serve", "--network-file", str(stage.network)))
    lending = Lending(stage)
    ada = lending.telegram("account", phone=ADA, first_name="Ada", messages=12)
    grace = lending.telegram("account", phone=GRACE, first_name="Grace", username="grace")
    lending.telegram("account", phone=None, bot_token=BOT)
    lending.ok("auth", "main", "--phone", ADA, "--code", ADA_CODE)
    lending.telegram("account", phone="9996625555", first_name="Second")
    lending.ok("auth", "second", "--phone", "9996625555", "--code", "22222")
    return ada["id"], grace["id"]


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def ended(process: subprocess.Popen[str]) -> Said:
    """What a program said that was told to stop, at most a minute later."""
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        raise
    return Said(process.returncode, (out or "").strip(), (err or "").strip())
