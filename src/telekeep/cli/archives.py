"""Backups as a person sees them: the list, and the choice from it by number."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from telekeep.cli.command import Invocation
from telekeep.cli.controls import without
from telekeep.cli.output import moment, style
from telekeep.cli.shelf import table
from telekeep.errors import NothingToRestore
from telekeep.vault.keys import worded

if TYPE_CHECKING:
    from telekeep.vault.archive.folder import Shelved
    from telekeep.vault.archive.header import Header

INVALID = 1


def show(invocation: Invocation, found: Sequence[Shelved]) -> None:
    """Print the list of backups, whole and damaged."""
    facts = [
        {
            "path": str(each.path),
            "whole": each.is_whole,
            "error": each.error.message if each.error else None,
            **(_facts(each.header) if each.header else {}),
        }
        for each in found
    ]
    rows = [("MADE", "WHY", "KEY", "SESSIONS", "FILE")]
    rows += [(*_row(each.header), str(each.path)) for each in found if each.header]
    lines = table(rows) if len(rows) > 1 else ["There is no backup here. To make one: telekeep backup"]
    lines += [f"{style('✗', 'bad')} {each.error.message}" for each in found if each.error]
    invocation.out.data({"backups": facts}, lines)


def _facts(header: Header) -> dict[str, Any]:
    return {
        "id": header.id,
        "made_at": header.made_at,
        "reason": header.reason,
        "sessions": list(header.names),
        "left_out": list(header.left_out),
        "vault": header.vault_id,
        "key": "own passphrase" if header.has_own_key else header.opening.source,
        "telekeep": header.telekeep,
        "all": header.whole,
    }


def _row(header: Header) -> tuple[str, str, str, str]:
    names = header.names
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    key = "own passphrase" if header.has_own_key else worded(header.opening.source)
    return moment(header.made_at), header.reason, key, shown or "-"


def choice(invocation: Invocation, whole: Sequence[Shelved], broken: Sequence[Shelved]) -> Shelved | int:
    """The backup that the person at the terminal chooses, or the exit code."""
    if not whole:
        if broken and broken[0].error is not None:
            raise broken[0].error
        raise NothingToRestore("There is no backup here.")
    for each in broken:
        invocation.out.warn(f"Left out: {each.error.message if each.error else each.path.name}")
    number = number_chosen(
        invocation, ["  ".join((*_row(each.header), each.path.name)) for each in whole if each.header]
    )
    return whole[number - 1] if number > 0 else -number


def number_chosen(invocation: Invocation, lines: Sequence[str]) -> int:
    """What was chosen, from 1; 0 if the person cancelled, -1 for what is none of the numbers."""
    for number, line in enumerate(lines, 1):
        sys.stderr.write(f"{number:>3}  {without(line)}\n")
    sys.stderr.write(f"Which one (1 to {len(lines)}, 0 to cancel)? ")
    sys.stderr.flush()
    typed_number = sys.stdin.readline().strip()
    if typed_number == "0":
        invocation.out.words("Cancelled. Nothing was changed.")
        return 0
    if not typed_number.isdecimal() or not 1 <= int(typed_number) <= len(lines):
        invocation.out.warn(f"{typed_number[:20]!r} is none of the numbers. Nothing was changed.")
        return -INVALID
    return int(typed_number)
