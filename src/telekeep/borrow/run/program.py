"""Which file a command is, and what can be seen of it before it starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_PYTHONS = ("python", "pypy")
_SPEAKERS = ("pyrogram", "kurigram", "telethon")
_WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")
_FIRST_LINE = 256  # bytes


class Seen(NamedTuple):
    """``isolated``: the option with which its Python takes no notice of PYTHONPATH, if it has one; ``pyrogram``: the
    release of Pyrogram it has, if that is all it has to speak with Telegram.
    """

    isolated: str | None = None
    pyrogram: str | None = None


def find(name: str, environ: Mapping[str, str]) -> str | None:
    """The file that ``name`` is, as a shell finds it; None if there is none that can be run."""
    if os.path.dirname(name):
        return name if _can_run(name) else None
    folders = environ.get("PATH", os.defpath).split(os.pathsep)
    return next((path for each in folders if _can_run(path := os.path.join(each or os.curdir, name))), None)


def look(path: str, arguments: Sequence[str]) -> Seen:
    """What can be seen of the program at ``path`` with these ``arguments``, if it is one of Python's."""
    python, given = path, list(arguments)
    if not _is_python(path):
        words = _interpreter(path)
        while words and (os.path.basename(words[0]) == "env" or (words[0].startswith("-") and len(words) > 1)):
            words = words[1:]
        if not words or not _is_python(words[0]):
            return Seen()
        python, given = words[0], [*words[1:], path]
    return Seen(_isolated(given), _only_pyrogram(python))


def _is_python(path: str) -> bool:
    name = os.path.basename(path)
    release = next((name[len(each) :] for each in _PYTHONS if name.startswith(each)), "?")
    return all(each in "0123456789." for each in release)


def _can_run(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _interpreter(path: str) -> list[str]:
    """The words of a script's first line."""
    try:
        with open(path, "rb") as file:
            first = file.read(_FIRST_LINE)
    except OSError:
        return []
    return os.fsdecode(first[2:].split(b"\n")[0]).split() if first.startswith(b"#!") else []


def _isolated(arguments: Sequence[str]) -> str | None:
    waiting = iter(arguments)
    for each in waiting:
        if not each.startswith("-") or each in ("-", "--"):
            return None
        if each in _WITH_VALUE:
            next(waiting, None)
        elif not each.startswith("--"):
            for flag in each[1:]:
                if flag in "IES":
                    return f"-{flag}"
                if flag in "cm":
                    return None
                if flag in "WX":
                    break
    return None


def _only_pyrogram(python: str) -> str | None:
    """The release of Pyrogram beside ``python``, unless there is its fork or Telethon, too."""
    library = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(python))), "lib")
    found: dict[str, str] = {}
    try:
        for version in os.listdir(library):
            packages = os.path.join(library, version, "site-packages")
            if version.startswith("python") and os.path.isdir(packages):
                for name in os.listdir(packages):
                    speaker, _, release = name.partition("-")
                    if speaker.lower() in _SPEAKERS and release.endswith(".dist-info"):
                        found[speaker.lower()] = release[: -len(".dist-info")]
    except OSError:
        return None
    return found["pyrogram"] if set(found) == {"pyrogram"} else None
