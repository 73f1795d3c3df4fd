"""A loan lives as long as the program it was made for, even one that connects only now and then.

A thread tells the daemon so. If the daemon was killed, it is started again, as every borrower of telekeep's own would;
one that was stopped in order stays stopped.
"""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from telekeep.borrow.asking import ask
from telekeep.errors import TelekeepError
from telekeep.paths import Home

if TYPE_CHECKING:
    from threading import Event

_LOOK = 2.0  # seconds between two looks at the daemon: stock clients try for six until they give up
_TELL = 60.0  # seconds between two words that the loan is needed; it is forgotten after ten minutes
_REVIVE = """
import signal, sys
signal.pthread_sigmask(signal.SIG_SETMASK, [])
from telekeep.borrow.summon import summon
summon(sys.argv[1], sys.argv[2] or None)
"""


class Keeping:
    """Keeps the loan ``loan`` of the session ``name``, from `start` to `end`."""

    def __init__(self, home: Home, network: str | None, name: str, loan: str) -> None:
        self._home = home
        self._network = network
        self._name = name
        self._loan = loan
        self._over: Event | None = None

    def start(self) -> None:
        """The program runs; it did not have to wait for what this loads."""
        from threading import Event, Thread

        self._over = Event()
        Thread(target=self._keep, args=(self._over,), daemon=True).start()

    def end(self) -> None:
        """The program has ended: the loan is over. Never raises: the daemon forgets it by itself otherwise."""
        if self._over is not None:
            self._over.set()
        with suppress(TelekeepError):
            ask(self._home, "ended", timeout=5.0, name=self._name, loan=self._loan)

    def _keep(self, over: Event) -> None:
        told = 0.0
        while not over.wait(_LOOK):
            told += _LOOK
            if not self._is_there():
                if self._home.control.exists():  # whoever stops in order takes it away
                    self._revive()
            elif told >= _TELL:
                told = 0.0
                with suppress(TelekeepError):
                    ask(self._home, "running", name=self._name, loan=self._loan)

    def _is_there(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(_LOOK)
            try:
                line.connect(str(self._home.control))
            except TimeoutError:
                return True  # it is busy
            except OSError:
                return False
        return True

    def _revive(self) -> None:
        """In a process of its own: signals are kept from reaching this one, and what it starts would inherit that."""
        import subprocess

        command = [sys.executable, "-c", _REVIVE, str(self._home.root), self._network or ""]
        nowhere = subprocess.DEVNULL
        with suppress(OSError):
            subprocess.run(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, check=False)
