"""A remedy names the next command: it must be one that exists."""

from __future__ import annotations

import re
from pathlib import Path

import telekeep
from telekeep.cli.main import COMMANDS

NAMED = re.compile(r"(?:(?<!`)`|[Rr]un: |it: |again: |with: )telekeep ([a-z][a-z-]+)")
KNOWN = {name for listed in COMMANDS.values() for name in listed}


def test_every_command_that_is_named_anywhere_exists() -> None:
    (folder,) = telekeep.__path__
    unknown = {
        f"{path.name}: telekeep {name}"
        for path in Path(folder).rglob("*.py")
        for name in NAMED.findall(path.read_text())
        if name not in KNOWN
    }
    assert unknown == set()
