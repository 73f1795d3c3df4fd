"""Starting the daemon where none runs. Loads nothing that is slow to load.

However many programs start at once, one daemon runs: who starts it holds ``run/starting.lock``, the daemon itself holds
``run/daemon.lock``, and both are the kernel's to release when a process dies.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from telekeep import paths
from telekeep.borrow.asking import ask, hail, home_of
from telekeep.borrow.hook import HOOK
from telekeep.clock import SystemClock
from telekeep.control import FrameError, decode, outcome
from telekeep.errors import ConfigError, OwnerAbsent, StorageUnavailable

IDLE = 900.0  # seconds without a borrower or a command until a daemon that was started for a program ends
PATIENCE = 20.0  # seconds for a daemon to serve
_TRIES = 2  # one that was killed as soon as it served is started again
_STEP = 0.02  # seconds between two looks at somebody else's start
_FILES = ("KEY_FILE", "STATE", "LEASES", "PASSPHRASE_FILE", "TEST_CLOCK")  # TELEKEEP_… that name one
_LOGINS = ("TELEGRAM_SESSION_STRING", "TELEGRAM_SESSION")  # whoever summons may have one; the daemon has its vault
_SUPERVISOR = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def summon(
    home_root: Path | str | None = None,
    network: str | None = None,
    *,
    idle: float | None = IDLE,
    patience: float = PATIENCE,
) -> Path:
    """The control socket of the daemon of this home; it is started if none answers, and serves when this returns.

    ``network``: a name or a file, else TELEKEEP_NETWORK; where neither is given, a daemon that is started speaks to
    production, and one that runs is taken as it is. ``idle``: seconds without a borrower or a command after which a
    daemon that is started now ends, None for never. ``patience``: seconds to wait for it. Raises OwnerAbsent if it does
    not serve by then, ConfigError if the one that runs speaks to another network, ProtocolMismatch, and what a daemon
    that ends at once says.
    """
    where = home_of(home_root)
    named = network or os.environ.get("TELEKEEP_NETWORK") or None
    said = hail(where)
    if said is None:
        for folder in (where.root, where.run, where.log):
            paths.private_folder(folder)
        end = SystemClock().boot() + patience
        for _ in range(_TRIES):
            with _turn(where, end) as said_meanwhile:
                if said_meanwhile is None:
                    _start(where, named or "production", idle, end)
            said = hail(where)
            if said is not None:
                break
    if said is None:
        raise OwnerAbsent(f"The daemon did not serve within {patience:g} s.")
    if named is not None:
        _check_network(named, said)
    return where.control


def ask_summoned(
    home_root: Path | str | None, network: str | None, verb: str, *, timeout: float = 30.0, **fields: Any
) -> Any:
    """`ask` the daemon of this home, which is started if none answers. Raises what `summon` and `ask` do.

    For verbs that may be carried out twice: a daemon that was just stopping may not have answered any more.
    """
    for again in (True, False):
        summon(home_root, network)
        try:
            return ask(home_of(home_root), verb, timeout=timeout, **fields)
        except OwnerAbsent:
            if not again:
                raise
    raise AssertionError("unreachable")


# ---- inside


@contextmanager
def _turn(where: paths.Home, end: float) -> Iterator[dict[str, Any] | None]:
    """Wait for our turn to start the daemon. Yields what one says that somebody else has started meanwhile, or None."""
    lock = where.run / "starting.lock"
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageUnavailable(f"{lock} cannot be opened: {error.strerror}.") from None
    clock = SystemClock()
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if clock.boot() > end:
                    raise OwnerAbsent("Another program has been starting the daemon for too long.") from None
                time.sleep(_STEP)
        yield hail(where)
    finally:
        os.close(descriptor)  # and with it the lock


def _start(where: paths.Home, network: str, idle: float | None, end: float) -> None:
    """Start a daemon that outlives us, and return when it serves. Raises what it says if it ends before."""
    import subprocess

    if not sys.executable:
        raise ConfigError(
            "This Python does not know its own program, so it cannot start the daemon.",
            remedy="Start it by hand: telekeep daemon start",
        )
    log = where.log / "daemon.log"
    command = [sys.executable, "-m", "telekeep", "--json", "--home", str(where.root), "--network", in_full(network)]
    command += ["daemon", "start", "--foreground", "--detached"]
    if idle is not None:
        command += ["--idle", f"{idle:g}"]
    errors = open_log(log)
    before = os.lseek(errors, 0, os.SEEK_END)
    try:
        # It detaches itself as soon as it runs; this first process stays until the daemon serves or has failed, and
        # says which on its standard output. So nobody is left with a child to wait for.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=where.root,
            env=_environment(),
            start_new_session=True,
        )
    finally:
        os.close(errors)
    with process:
        try:
            said, _ = process.communicate(timeout=max(0.1, end - SystemClock().boot()))
        except subprocess.TimeoutExpired:
            process.kill()
            raise OwnerAbsent(
                "The daemon was started, and does not serve yet.", remedy="See `telekeep daemon logs`, and try again."
            ) from None
    if process.returncode:
        _raise_what_it_said(said, process.returncode, log, before)


def _raise_what_it_said(said: bytes, code: int, log: Path, before: int) -> None:
    try:
        frame = decode(said)
    except FrameError:
        frame = {}
    if "error" in frame and frame["error"] != OwnerAbsent.__name__:
        outcome({**frame, "fields": frame})
    with os.fdopen(open_log(log), "rb") as file:
        file.seek(before)
        lines = file.read().decode(errors="replace").strip().splitlines()
    raise OwnerAbsent(
        frame.get("message") or f"The daemon ended before it served (exit code {code}).",
        remedy=f"Its last words were: {lines[-1]}" if lines else "See `telekeep daemon logs`.",
    )


def open_log(path: Path) -> int:
    """A descriptor of the daemon's log, to read and append; made with mode 0600, and never through a link."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageUnavailable(f"The log {path} cannot be opened: {error.strerror}.") from None


def _environment() -> dict[str, str]:
    """Ours, with paths in full, as the daemon runs in another folder; not what a service manager told us alone."""
    environment = {name: value for name, value in os.environ.items() if name not in (*_SUPERVISOR, *_LOGINS)}
    for name in _FILES:
        if value := environment.get(f"TELEKEEP_{name}"):
            environment[f"TELEKEEP_{name}"] = _absolute(value)
    if modules := environment.get("PYTHONPATH"):
        foreign = [each for each in modules.split(os.pathsep) if each != HOOK]
        environment["PYTHONPATH"] = os.pathsep.join(map(_absolute, foreign))
    for name in ("TELEKEEP_HOME", "TELEKEEP_NETWORK", "TELEKEEP_RUN"):  # handed over as options; of a run's program
        environment.pop(name, None)
    return environment


def in_full(network: str) -> str:
    """The name of a network, or its file in full."""
    return network if network in ("production", "test") else _absolute(network)


def _absolute(path: str) -> str:
    try:
        return str(Path(path).expanduser().absolute())
    except (FileNotFoundError, RuntimeError):  # no folder to be relative to; no home folder
        return path


def _check_network(named: str, said: dict[str, Any]) -> None:
    """Raise ConfigError if the daemon that answered ``said`` speaks to another network than ``named``."""
    theirs = said.get("network")
    if named not in ("production", "test"):
        from telekeep.session.network import load

        named = load(named).name
    if theirs != named:
        raise ConfigError(
            f"The daemon of this home speaks to the network {theirs!r}, not to {named!r}.",
            remedy="Name its network with --network, or another home with --home, or run `telekeep daemon restart`.",
        )
