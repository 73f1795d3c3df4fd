"""Leaving whoever started us: a second process, in a session of its own, that nobody waits for.

The first process stays until the second says that it serves or why it does not, and then ends. So whoever started it
learns how it went, and is left with no child.
"""

from __future__ import annotations

import os
from contextlib import suppress

from telekeep.control import FrameError, decode, encode, failure, outcome
from telekeep.errors import OwnerAbsent, TelekeepError


class Detached:
    """What the second process has of the first: somebody to tell how it went, once."""

    def __init__(self, line: int) -> None:
        self._line: int | None = line

    def serves(self) -> None:
        """Say that all is well."""
        self._say(encode({"result": None}))

    def fails(self, error: TelekeepError) -> None:
        """Say why nothing came of it."""
        self._say(failure(error))

    def _say(self, frame: bytes) -> None:
        line, self._line = self._line, None
        if line is not None:
            with suppress(OSError):  # the first process was killed: then nobody wants to know
                os.write(line, frame)
            os.close(line)


def detach() -> Detached | None:
    """Go on in a second process: returns `Detached` there.

    Returns None in the first, when the second serves; raises what the second says instead, OwnerAbsent if it dies
    without a word. To be called by a process that has no threads yet.
    """
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        os.setsid()
        return Detached(theirs)
    os.close(theirs)
    with os.fdopen(ours, "rb") as line:
        said = line.read()
    try:
        outcome(decode(said))
    except FrameError:
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        raise OwnerAbsent(f"The daemon ended before it served (exit code {code}).") from None
    return None
