"""Where a session comes from that telekeep does not keep yet: a file, standard input, or the settings."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from telekeep.cli.arguments import is_there, refuse_string
from telekeep.cli.command import Usage
from telekeep.errors import ConfigError, UnknownFormat

MOST_BYTES = 64 * 1024  # of standard input: the longest known string has under a thousand


@dataclass(frozen=True)
class Source:
    """What was read, and how to call it in a sentence.

    ``stem`` is a name it suggests, ``file`` where it lies on disk; None where there is none.
    """

    data: bytes
    label: str
    stem: str | None = None
    file: Path | None = None

    def __repr__(self) -> str:
        return f"Source({self.label})"


def read_source(file: str | None, *, env: bool) -> Source:
    """Read ``file`` (``-`` is standard input), or the session that environment, ``.env`` or config.json name.

    Raises Usage for both, neither, or a session string in the place of a file name; ConfigError for what is not there.
    """
    if (file is None) != env:
        raise Usage("Name one: a FILE, - for standard input, or --env.")
    if file is None:
        return _from_settings()
    if file == "-":
        return Source(_whole_line(_from_standard_input()), "standard input")
    refuse_string(file, how="Pipe it in with -, put it into a file, or set TELEGRAM_SESSION_STRING and use --env.")
    if not is_there(file):
        raise Usage(f"There is no file {file!r} here.", remedy="Name a session file, - or --env.")
    from telekeep.session import formats

    path = Path(file).expanduser()
    data = formats.read_file(path)
    _refuse_settings(path, data)
    return Source(_whole_line(data), path.name or str(path), path.stem, path)


def _refuse_settings(path: Path, data: bytes) -> None:
    """Raise UnknownFormat for a .env: the session is what one of its lines says, and --env reads that."""
    if len(data) > MOST_BYTES or b"=" not in data or b"\0" in data:
        return
    from telekeep.settings import SESSION_NAMES, parse_dotenv

    found = parse_dotenv(data.decode("utf-8", "replace"))
    named = next((name for name in SESSION_NAMES if found.get(name)), None)
    if named:
        here = path.absolute() == Path(".env").absolute()
        raise UnknownFormat(
            f"{path} is no session but a file of settings: {named} in it is one.",
            remedy="Write --env in the place of the file."
            if here
            else f"Run it in {path.absolute().parent} with --env, which reads the .env there.",
        )


def _whole_line(data: bytes) -> bytes:
    """Text without the line break that ends every text file; it is the file's, not the string's."""
    return data if b"\0" in data else data.removesuffix(b"\n").removesuffix(b"\r")


def _from_standard_input() -> bytes:
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass("Paste the session string (it is not shown): ", stream=sys.stderr).encode()
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise Usage("That is too long for a session string.", remedy="Name a session file instead of piping it.")
    return data


def _from_settings() -> Source:
    from telekeep import settings

    found = settings.read()
    if found.session_string is None:
        raise ConfigError(
            "Neither TELEGRAM_SESSION_STRING nor TELEGRAM_SESSION is set.",
            remedy="Set one in the environment or in .env, or name a file.",
        )
    where = found.sources["session_string"]
    file = Path(".env") if where.endswith(" in .env") else None
    return Source(found.session_string.reveal(), where, file=file)
