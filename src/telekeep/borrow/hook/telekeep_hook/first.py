"""One account in a program. A session in which nobody is logged in may be meant for any: one of them gets the loan."""

from __future__ import annotations

import fcntl
import os

from .refusal import Refused, ended

if False:  # TYPE_CHECKING, without importing typing into every program
    from typing import Any

_FIRST = "first-session"  # in the run's folder: which session that was nobody's has got the loan


def be_the_first(plan: dict[str, Any], name: str) -> None:
    """Give the loan to the session ``name`` if no other has it. Raises Refused if one has, or the run has ended."""
    place = os.path.join(plan["folder"], _FIRST)
    try:
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise ended(plan["name"]) from None
    with open(descriptor, "r+", encoding="utf-8", errors="surrogateescape", newline="") as known:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # another process of the program may be just about to write it
        first = known.read()
        if not first:
            known.write(name)
            return
    if first != name:
        raise Refused(
            f"This program opens {name} besides {first}, and nobody is logged in in either: they may be meant for two "
            f"accounts, and only {plan['name']!r} is lent.",
            "Let the program use one session name, run it once for each account, or give a bot its token when it "
            "starts.",
        )
