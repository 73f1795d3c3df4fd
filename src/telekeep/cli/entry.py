"""The way in. `telekeep run NAME -- CMD`, written plainly, goes straight to `telekeep.cli.running`; all else to `main`.

A program waits for `telekeep run`, and what other commands need takes longer to load than all that it does. Whatever is
not understood here at once is `main`'s to understand, or to refuse.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

_TEXTS = ("--as", "--grant", "--home", "--network")
_PROFILES = ("full", "read-only", "archive")  # any other grant is for `main` to judge
_LONGEST_NAME = 64


def run() -> None:
    """The console script."""
    code = _quickly(sys.argv[1:])
    if code is not None:
        gc.freeze()  # as in `main.run`
        sys.exit(code)
    from telekeep.cli import main

    main.run()


def understood(words: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]] | None:
    """What a plain `run` says: its options and its name, and the program with its arguments. None for all else."""
    if words[:1] != ["run"]:
        return None
    said: dict[str, str] = {}
    at = 1
    while at < len(words) and words[at] != "--" and not ("name" in said and not words[at].startswith("-")):
        word = words[at]
        if word in _TEXTS and at + 1 < len(words):
            at += 1
            if word == "--grant" and words[at] not in _PROFILES:
                return None
            said[word[2:]] = words[at]
        elif word in ("-q", "--quiet"):
            said["quiet"] = word
        elif len(word) <= _LONGEST_NAME and word.replace("-", "").replace("_", "").isalnum() and word[0] != "-":
            said["name"] = word
        else:
            return None
        at += 1
    program = tuple(words[at + 1 :] if words[at : at + 1] == ["--"] else words[at:])
    return (said, program) if "name" in said and program else None


def _quickly(words: Sequence[str]) -> int | None:
    """The exit code of `telekeep run`; None if it is for `main`, and nothing has been done."""
    gc.disable()  # what is loaded stays; looking through it for garbage takes milliseconds
    plain = understood(words)
    if plain is None or sys.stdout is None or sys.stderr is None:
        gc.enable()
        return None
    said, program = plain
    try:
        from telekeep.borrow.run.program import find
        from telekeep.cli.invocation import Invocation
        from telekeep.cli.running import carry_out

        path = find(program[0], os.environ)
        if path is not None:
            invocation = Invocation.of({**said, "quiet": "quiet" in said})
            grant, label = said.get("grant", "full"), said.get("as", "")
            return carry_out(invocation, said["name"], path, program, grant=grant, label=label)
        gc.enable()
        return None
    except (Exception, KeyboardInterrupt) as error:
        from telekeep.cli.main import told
        from telekeep.cli.output import Output

        return told(error, Output(quiet="quiet" in said), said["name"], said.get("home"))
