"""How a program is told that it cannot have what it asks for: in words, and then it ends."""

from __future__ import annotations

import sys

CONFIG = 6  # exit code: what was asked for is not to be had like this
ENDED = 8  # exit code: the loan has ended


class Refused(SystemExit):
    """What a program asks for cannot be granted. It is said on standard error at once, and the program ends.

    A SystemExit, because a program that catches every Exception and tries again would go on for ever. ``message``:
    what is refused; ``remedy``: what to do instead; ``code``: the exit code.
    """

    def __init__(self, message: str, remedy: str, code: int = CONFIG) -> None:
        super().__init__(code)
        self.message = message
        self.remedy = remedy
        if sys.stderr is not None:
            sys.stderr.write(f"✗ telekeep: {message}\n→ {remedy}\n")
            sys.stderr.flush()

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}"


def ended(name: str) -> Refused:
    """The loan of ``name`` is over: revoked, expired, logged out, or the run it was made for has ended."""
    return Refused(
        f"The loan of {name!r} that this program was started with has ended.",
        f"Start the program again with `telekeep run {name} -- …`; `telekeep loans list` shows the loan.",
        ENDED,
    )
