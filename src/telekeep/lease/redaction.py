"""Command lines and sentences that can be shown: no secret, no control character, no more than a line. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

LIMIT = 200  # characters

_HIDDEN = "…"
_SECRET = r"(?:hash|pass(?:word|wd|phrase)?|pwd|secret|token|code|key|credential|auth|session[-_]string)"
_SECRET_FLAG = re.compile(rf"--?(?:[\w-]*[-_])?{_SECRET}s?", re.IGNORECASE)
_SECRET_NAME = re.compile(
    rf"\b((?:TELEGRAM|TELEKEEP)_\w+|\w*{_SECRET})(\s*=\s*)(\"[^\"]*\"|'[^']*'|[^\s,;)&]+)", re.IGNORECASE
)
_IN_ADDRESS = re.compile(r"://[^/@\s]*@")
_RUN = re.compile(r"[A-Za-z0-9+/_=-]{32,}")  # keys, hashes and session strings in hex and both alphabets of base64


def command_line(arguments: Sequence[str]) -> str:
    """``arguments`` as one line of at most 200 printable characters, with whatever looks like a secret as ``…``.

    Secret are: runs of 32 and more base64 or hex digits (a path is spared unless one of its parts is such a run), what
    follows a flag like ``--api-hash``, ``--password`` or ``--token``, the values of TELEGRAM_* and of names that end in
    words like these, and the user part of addresses.
    """
    shown = []
    hide_next = False
    for argument in arguments:
        flag, equals, _ = argument.partition("=")
        if hide_next and not argument.startswith("--"):
            shown.append(_HIDDEN)
            hide_next = False
            continue
        is_secret = bool(_SECRET_FLAG.fullmatch(flag))
        shown.append(f"{flag}={_HIDDEN}" if is_secret and equals else _without_secrets(argument))
        hide_next = is_secret and not equals
    return plain(" ".join(shown), LIMIT)


def sentence(text: str) -> str:
    """``text`` with whatever looks like a secret as ``…``, by the rules of `command_line`, word by word."""
    return " ".join(_bare(word) for word in text.split(" "))


def _bare(word: str) -> str:
    start = len(word) - len(word.lstrip("'\"(`"))
    return word[:start] + _without_secrets(word[start:])


def plain(text: str, limit: int) -> str:
    """``text`` on one line of at most ``limit`` characters; what a terminal would act upon becomes a space or ``?``."""
    line = " ".join(text[: limit * 8].split())
    if not line.isprintable():
        line = "".join(character if character.isprintable() else "?" for character in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _without_secrets(argument: str) -> str:
    argument = _IN_ADDRESS.sub(f"://{_HIDDEN}@", argument)
    if assignment := _SECRET_NAME.match(argument):
        return f"{assignment[1]}={_HIDDEN}"  # an argument that is one assignment: its value may hold spaces
    argument = _SECRET_NAME.sub(rf"\1\2{_HIDDEN}", argument)
    is_path = argument.startswith(("/", "./", "../", "~/"))
    return _RUN.sub(lambda run: run[0] if is_path and _is_path(run[0]) else _HIDDEN, argument)


def _is_path(run: str) -> bool:
    return "/" in run and max(map(len, run.split("/"))) < 32
