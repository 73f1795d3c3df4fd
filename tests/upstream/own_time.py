"""How long something took, whatever else the machine had to do meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

_SCHEDULER = Path("/proc/thread-self/schedstat")  # seconds it ran, seconds it was ready and had to wait, in nanoseconds


def own_time() -> float:
    """Seconds, for differences: `time.monotonic` without those in which this thread was ready to run and was not let.

    Where the kernel does not tell them, they are counted.
    """
    try:
        _, waited, *_ = _SCHEDULER.read_text().split()
    except (OSError, ValueError):
        waited = "0"
    return time.monotonic() - int(waited) / 1e9
