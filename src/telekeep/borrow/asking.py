"""The way to the daemon that runs: where its control socket is, and asking it. Loads nothing that is slow to load.

`telekeep.borrow.summon` starts one where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from telekeep import paths
from telekeep.control import PROTOCOL, FrameError, begun, exchange, outcome
from telekeep.errors import ConfigError, OwnerAbsent, ProtocolMismatch

OPENING = 90.0  # seconds for an answer for which a session may have to be opened first
_PING = 5.0  # seconds for an answer to `ping`


def find(home_root: Path | str | None = None) -> Path | None:
    """The control socket of the daemon of this home (else TELEKEEP_HOME, else the user's); None if none answers.

    Raises ProtocolMismatch if one answers in another protocol, ConfigError if somebody else could stand in its place.
    """
    where = home_of(home_root)
    return where.control if hail(where) is not None else None


def hail(where: paths.Home) -> dict[str, Any] | None:
    """What the daemon of ``where`` says of itself: protocol, pid, version, network.

    None if none answers, or if it is about to end.
    """
    path = where.control
    try:
        if not path.exists():
            return None
        paths.check_private_folder(path.parent)
        said = outcome(exchange(path, "ping", {"protocol": PROTOCOL}, timeout=_PING))
    except (OSError, FrameError, OwnerAbsent):
        return None
    if not isinstance(said, dict) or said.get("protocol") != PROTOCOL:
        raise ProtocolMismatch
    return said


def ask(where: paths.Home, verb: str, *, timeout: float = 30.0, **fields: Any) -> Any:
    """Ask the daemon of ``where``, and wait up to ``timeout`` seconds for its answer.

    ``fields`` that are None are left out. Raises OwnerAbsent if none answers, and whatever error the answer names.
    """
    return asked(where, verb, timeout=timeout, **fields)()


def asked(where: paths.Home, verb: str, *, timeout: float = 30.0, **fields: Any) -> Callable[[], Any]:
    """The first half of `ask`: send the request. What it returns waits for the answer, and is to be called; both raise
    what `ask` does.
    """
    with _answering(timeout):
        if where.control.exists():
            paths.check_private_folder(where.control.parent)
        waiting = begun(where.control, verb, fields, timeout=timeout)

    def answer() -> Any:
        with _answering(timeout):
            frame = waiting()
        return outcome(frame)

    return answer


def home_of(home_root: Path | str | None) -> paths.Home:
    """The home at ``home_root``, as in `paths.home`. Raises ConfigError for a relative one where there is no folder
    that it could be relative to.
    """
    try:
        return paths.home(Path(home_root).expanduser() if home_root else None)
    except FileNotFoundError:
        raise ConfigError(
            "The folder this program was started in is gone, and the home is named relative to it.",
            remedy="Name it in full with --home or TELEKEEP_HOME.",
        ) from None


@contextmanager
def _answering(timeout: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise OwnerAbsent(f"The daemon has not answered within {timeout:g} s.") from None
    except (OSError, FrameError):
        raise OwnerAbsent from None
