"""Being the parent of a program in the foreground: it gets the signals, we its exit code.

The program shares our terminal and process group, as it would below a shell. So what the terminal sends (Ctrl-C,
Ctrl-\\, Ctrl-Z, a hang-up) reaches it without us, and must not be sent a second time; what another process sends to us
is passed on. The kernel tells which is which (sigaction(2), si_code).
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Mapping

_PASSED_ON = frozenset({
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGCONT,
    signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH,
})  # fmt: skip
_FROM_TERMINAL = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGWINCH})
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)  # and not by the shells that programs are used to


class Child:
    """A program that runs below us. Signals are kept for it from the moment it is made."""

    def __init__(self, path: str, argv: list[str], environ: Mapping[str, str], *, inherit: int) -> None:
        """``path``: its file; ``inherit``: a descriptor it gets. Raises OSError if it cannot be started."""
        self._ours = _PASSED_ON | {signal.SIGCHLD}
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, self._ours)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # ignored, nobody would tell us of its end
        try:
            self.pid = self._spawn(path, argv, environ, inherit)
        except OSError:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)
            raise

    def _spawn(self, path: str, argv: list[str], environ: Mapping[str, str], inherit: int) -> int:
        # not posix_spawn: that of glibc 2.36 leaves two signals of its own blocked in the program, which threads need
        told, tell = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                self._become(path, argv, environ, inherit)
            except OSError as error:
                os.write(tell, str(error.errno).encode())
            finally:
                os._exit(127)
        os.close(tell)
        with os.fdopen(told, "rb") as file:
            failure = file.read()  # nothing: the pipe was closed by what it has become
        if failure:
            os.waitpid(pid, 0)
            raise OSError(int(failure), os.strerror(int(failure)))
        return pid

    def _become(self, path: str, argv: list[str], environ: Mapping[str, str], inherit: int) -> None:
        os.set_inheritable(inherit, True)
        for number in _IGNORED_BY_PYTHON:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)
        try:
            os.execve(path, argv, environ)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
        os.execve("/bin/sh", ["/bin/sh", path, *argv[1:]], environ)  # no first line: what a shell does

    def wait(self) -> int:
        """Wait for its end, passing signals on. Its exit code, or 128 and the number of the signal that ended it."""
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if pid and os.WIFSTOPPED(status):
                os.kill(os.getpid(), signal.SIGSTOP)  # whoever started us sees a stopped job; and goes on with both
                self._send(signal.SIGCONT)
            elif pid:
                return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
            else:
                number, from_terminal = self._next()
                if number != signal.SIGCHLD and not from_terminal:
                    self._send(number)

    def _send(self, number: int) -> None:
        os.kill(self.pid, number)  # it is there as long as nobody has waited for it

    def _next(self) -> tuple[int, bool]:
        """The next signal, and whether the program has got it from the terminal, as we have."""
        if sys.platform != "darwin":
            told = signal.sigwaitinfo(self._ours)
            return told.si_signo, told.si_code > 0
        number = signal.sigwait(self._ours)
        return number, number in _FROM_TERMINAL and sys.__stdin__ is not None and sys.__stdin__.isatty()
