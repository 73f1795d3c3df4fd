"""Room for many sessions: each takes some five open files, and a process may have 1,024 unless it asks for more."""

from __future__ import annotations

import resource
from contextlib import suppress

MOST = 65_536  # open files; programs that the daemon starts inherit the limit, and some look at each


def make_room() -> None:
    """Let this process open as many files as the system allows it, up to `MOST` (setrlimit(2))."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # macOS has a lower limit that it does not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
