"""The control socket of a home's daemon: where it lies, who may use it, and which protocol it speaks.

Only processes of the same user are served, as the kernel tells (SO_PEERCRED, LOCAL_PEERCRED); the folder is 0700 and
the socket 0600 besides. `telekeep.borrow.asking` is the other side.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from telekeep.control import PROTOCOL
from telekeep.control.peer import Peer, is_ours
from telekeep.control.server import ControlServer
from telekeep.errors import ProtocolMismatch, StorageUnavailable
from telekeep.paths import Home, private_folder

_log = logging.getLogger(__name__)


class DaemonControl:
    """Serves ``verbs`` and ``ping`` for ``home``. ``about``: what ``ping`` tells besides protocol and pid.

    ``before`` and ``report`` as in `ControlServer`.
    """

    def __init__(
        self,
        home: Home,
        verbs: Mapping[str, Callable[..., Any]],
        *,
        about: Mapping[str, Any],
        before: Callable[[str], Awaitable[None]] | None = None,
        report: Callable[[str, Exception], None] = lambda verb, error: None,
    ) -> None:
        self._home = home
        self._about = dict(about)
        self.path = home.control
        self.server = ControlServer(
            self.path, {**verbs, "ping": self._ping}, who="the daemon", admits=_admits, before=before, report=report
        )

    async def start(self) -> None:
        """Listen; the caller holds the daemon's lock. Raises ConfigError if somebody else could enter the folder,
        StorageUnavailable if there is none to listen in.
        """
        private_folder(self.path.parent)
        try:
            await self.server.start()
        except OSError as error:
            raise StorageUnavailable(f"The socket {self.path} cannot be made: {error.strerror or error}.") from None

    async def close(self) -> None:
        """Stop listening; the socket is gone then, and the folder made for it alone."""
        await self.server.close()
        if self.path.parent.name != "run":
            with suppress(OSError):
                self.path.parent.rmdir()

    def _ping(self, protocol: int | None = None) -> dict[str, Any]:
        """Answer that we are there. Raises ProtocolMismatch if the other side speaks another ``protocol``."""
        if protocol not in (None, PROTOCOL):
            raise ProtocolMismatch(f"The daemon speaks protocol {PROTOCOL}, this program {protocol}.")
        return {"protocol": PROTOCOL, "pid": os.getpid(), **self._about}


def _admits(peer: Peer) -> bool:
    if is_ours(peer):
        return True
    _log.warning("refused a process of another user (uid %d, pid %d)", peer.uid, peer.pid)
    return False
