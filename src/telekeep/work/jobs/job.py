"""What a job is: a command of telekeep, and when it runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telekeep.errors import ConfigError
from telekeep.work.jobs.schedule import ALWAYS, Schedule

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

COMMANDS = ("archive", "backup", "devices", "renew", "run", "test", "worker")
"""What may be a job. None of them asks anything: a job has no terminal."""

_SESSION_AT = {"archive": 2, "worker": 99}
"""Which word names the session; the first after the command where nothing is said. A worker serves all."""


@dataclass(frozen=True, slots=True)
class Job:
    """``words``: a telekeep command line, without the first word; ``session``: whose troubles keep it from starting.

    ``directory``: where it runs, None for the home.
    """

    name: str
    words: tuple[str, ...]
    schedule: Schedule = ALWAYS
    session: str | None = None
    directory: Path | None = None

    @property
    def is_program(self) -> bool:
        """Whether it is somebody's own program, whose exit codes mean what they like."""
        return self.words[0] in ("run", "worker")

    @property
    def told(self) -> str:
        """Its command, as a person would type it."""
        from shlex import join

        return f"telekeep {join(self.words)}"


def make(
    name: str, words: tuple[str, ...], schedule: Schedule, session: str | None = None, directory: Path | None = None
) -> Job:
    """A job, if it can be one. Raises ConfigError for what cannot."""
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name of a job.", remedy="Use letters, digits, '.', '_' and '-', at most 64 of them."
        )
    if words and words[0] == "telekeep":
        words = words[1:]
    if not words or words[0] not in COMMANDS:
        raise ConfigError(
            f"The job {name!r} runs no command that a job may be.",
            remedy=f"A job is one of: telekeep {', '.join(COMMANDS)}. Your own program: run NAME -- PROGRAM.",
        )
    if any("\0" in each for each in (*words, session or "", str(directory or ""))):
        raise ConfigError(f"The job {name!r} has a zero byte in it.", remedy="Strike it out; no program can take it.")
    if directory is not None and not directory.is_absolute():
        raise ConfigError(f"The directory of the job {name!r} is not absolute.", remedy="Write it from / on.")
    return Job(name, words, schedule, session or _session(words), directory)


def of(name: str, written: Any) -> Job:
    """The job that the table holds under ``name``. Raises ConfigError, saying what is wrong with it."""
    if not isinstance(written, dict):
        raise ConfigError(f"The job {name!r} is no table.", remedy=f"Write [{name}] and its keys below it.")
    fields = dict(written)
    words, session = fields.pop("command", None), fields.pop("session", None)
    every, cron, at = (fields.pop(each, None) for each in ("every", "cron", "at"))
    directory = fields.pop("directory", None)
    if fields:
        raise ConfigError(
            f"The job {name!r} has a key that means nothing: {min(fields)!r}.",
            remedy="There are command, every, cron, at, session and directory.",
        )
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ConfigError(
            f"The command of the job {name!r} is no list of words.", remedy='Write command = ["test", "main"].'
        )
    for key, value in (("session", session), ("directory", directory)):
        if value is not None and not isinstance(value, str):
            raise ConfigError(f"The {key} of the job {name!r} is no text.", remedy=f'Write {key} = "…".')
    where = Path(directory) if directory else None
    return make(name, tuple(words), Schedule.read(every=every, cron=cron, at=at), session, where)


def _session(words: tuple[str, ...]) -> str | None:
    at = _SESSION_AT.get(words[0], 1)
    return words[at] if len(words) > at and not words[at].startswith("-") else None
