"""``jobs.toml`` in the home: the jobs, as a person writes them down. What is not telekeep's to change is kept as it is.

[night]
command = ["archive", "historical", "main", "@news", "--to", "news.db"]
cron = "0 3 * * *"
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from telekeep.errors import ConfigError, StorageUnavailable
from telekeep.paths import JOBS, Home, write_atomically
from telekeep.work.jobs import job
from telekeep.work.jobs.job import Job

_HEAD = "# The jobs that the daemon keeps going: `telekeep jobs --help`.\n"


def path(home: Home) -> Path:
    """Where the jobs of a home are written down."""
    return home.root / JOBS


def read(home: Home) -> dict[str, Job]:
    """All jobs by name, in the order of the file. Raises ConfigError for what is none; nothing is left out."""
    text = _text(path(home))
    if not text:
        return {}
    import tomllib  # here: most homes have no jobs

    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path(home)} is no TOML: {error}.", remedy="Mend that line; nothing was changed.") from None
    return {name: job.of(name, written) for name, written in found.items()}


def edition(home: Home) -> tuple[int, int] | None:
    """Changes whenever the file does; None if there is none."""
    try:
        found = path(home).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def add(home: Home, new: Job) -> None:
    """Write a job down. Raises ConfigError if there is one of its name, or the file cannot be read."""
    if new.name in read(home):
        raise ConfigError(
            f"There is a job {new.name!r} already.",
            remedy=f"Remove it first: `telekeep jobs remove {new.name}`, or choose another name.",
        )
    import tomlkit

    table = tomlkit.table()
    words = tomlkit.array()
    words.extend(new.words)
    table["command"] = words
    if new.schedule.cron is not None:
        table["cron"] = new.schedule.cron
    elif new.schedule.at is not None:
        table["at"] = datetime.fromtimestamp(new.schedule.at).replace(microsecond=0)
    elif new.schedule.every is not None:
        table["every"] = new.schedule.every
    if new.session is not None:
        table["session"] = new.session
    if new.directory is not None:
        table["directory"] = str(new.directory)
    document = tomlkit.parse(_text(path(home)) or _HEAD)
    document[new.name] = table
    write_atomically(path(home), tomlkit.dumps(document).encode())


def remove(home: Home, name: str) -> Job:
    """Strike a job out; what it was. Raises ConfigError if there is none."""
    gone = named(read(home), name)
    import tomlkit

    document = tomlkit.parse(_text(path(home)))
    del document[name]
    write_atomically(path(home), tomlkit.dumps(document).encode())
    return gone


def named(jobs: dict[str, Job], name: str) -> Job:
    """The job of this name. Raises ConfigError if there is none."""
    if name not in jobs:
        raise ConfigError(f"There is no job {name!r}.", remedy="`telekeep jobs list` shows those there are.")
    return jobs[name]


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is no text.", remedy="Move it away; nothing was changed.") from None
    except OSError as error:
        raise StorageUnavailable(f"{file} cannot be read: {error.strerror}.") from None
