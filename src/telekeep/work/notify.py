"""Word to the service manager: systemd's notify protocol, sd_notify(3), without its library.

One datagram of ``NAME=value`` lines to the socket that NOTIFY_SOCKET names. Where nobody asked for it, nothing is sent.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress


class Notifier:
    """Tells a service manager how this process is.

    ``seconds``: how often it wants to hear `alive`: half of what it waits for (WATCHDOG_USEC); None if it does not ask.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        named = environ.get("NOTIFY_SOCKET", "")
        # An abstract socket is written with @ in the place of the zero byte.
        self._address = f"\0{named[1:]}" if named.startswith("@") else named if named.startswith("/") else None
        self.seconds = _half_of_watchdog(environ) if self._address else None

    @property
    def is_asked(self) -> bool:
        """Whether a service manager listens."""
        return self._address is not None

    def ready(self) -> None:
        self._send("READY=1", "STATUS=serving")

    def reloading(self) -> None:
        """What follows is a reload; `ready` ends it."""
        # CLOCK_MONOTONIC, as the protocol demands: no time that anything here is judged by.
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1", "STATUS=stopping")

    def alive(self) -> None:
        """The event loop turns."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)  # a manager that does not listen must not hold us up
            line.sendto("\n".join(lines).encode(), self._address)


def _half_of_watchdog(environ: Mapping[str, str]) -> float | None:
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        microseconds = int(environ.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return microseconds / 2e6 if microseconds > 0 else None
