"""Whether a daemon's sessions may be opened: unlocked, locked, locked again when the time is over; and their end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from telekeep.errors import SessionSealed, TelekeepError
from telekeep.secret import Secret
from telekeep.work.keeping import DaemonKeeper

_PATIENCE = 15.0  # seconds for all sessions to be let go, when the daemon is locked
_MARGIN = 2.0  # seconds beyond the grace after which whoever still closes is left behind

_log = logging.getLogger(__name__)


class Owners(Protocol):
    """All the sessions that a daemon owns."""

    def verbs(self) -> dict[str, Callable[..., Any]]:
        """What can be asked of them over the control socket; see `ControlServer`."""

    def status(self) -> list[dict[str, Any]]:
        """One entry for each session that is owned, as JSON."""

    def is_idle(self) -> bool:
        """Whether no borrower is connected and no call runs."""

    async def resume(self) -> None:
        """Open again the sessions that have open loans: after a start, and whenever the vault was unlocked."""

    async def lock(self) -> None:
        """Let all sessions go."""

    async def close(self, grace: float) -> None:
        """Take no new calls, and let those that run end within ``grace`` seconds."""


class Custody:
    """Locks and unlocks ``owners`` of ``keeper``. ``changed`` is set whenever a lifetime begins."""

    def __init__(self, keeper: DaemonKeeper, owners: Owners) -> None:
        self._keeper = keeper
        self._owners = owners
        self._turns = asyncio.Lock()
        self._resuming: asyncio.Task[None] | None = None
        self.changed = asyncio.Event()

    async def unlock(self, passphrase: str | None = None, seconds: float | None = None) -> dict[str, Any]:
        """Open the vault with ``passphrase`` for ``seconds``, by default until it is locked; loans are served again."""
        if not (seconds is None or (isinstance(seconds, (int, float)) and not isinstance(seconds, bool))):
            seconds = -1.0  # which is refused in words
        phrase = Secret(str(passphrase).encode()) if passphrase is not None else None
        async with self._turns:
            _ = self._keeper.vault  # opened here, and not in two threads at once
            await asyncio.to_thread(self._keeper.unlock, phrase, seconds=seconds)
            self.changed.set()
            _log.info("unlocked%s", "" if seconds is None else f" for {seconds:g} s")
            await self.rest()
            self.resume()
        return {"locked": False, "locks_in": self._keeper.left, "key_source": self._keeper.key_source}

    async def expect_key(self, key: str) -> dict[str, Any]:
        """The vault is about to be given ``key`` (in hex), made from a passphrase: nobody need be asked for it here."""
        async with self._turns:
            return {"taken": self._keeper.expect_key(Secret(bytes.fromhex(key)))}

    async def lock(self) -> dict[str, Any]:
        """Let all sessions go, and forget the key."""
        async with self._turns:
            await self._let_go()
        return {"locked": True}

    async def lock_if_due(self) -> None:
        """Lock if the lifetime of the key has ended."""
        if not self._keeper.is_over:
            return
        async with self._turns:
            if self._keeper.is_over:  # nobody has unlocked or locked in between
                _log.info("the lifetime of the key has ended")
                await self._let_go()

    async def settled(self) -> None:
        """Wait while sessions are being let go."""
        async with self._turns:
            pass

    def resume(self) -> None:
        """Serve again, in the background, the loans that are open."""
        self._resuming = asyncio.create_task(self._resume())

    async def rest(self) -> None:
        """Stop what `resume` began."""
        task, self._resuming = self._resuming, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self, grace: float) -> None:
        """Let all sessions go for good; calls that run have ``grace`` seconds."""
        await _in_time(self._owners.close(grace=grace), grace)

    async def _resume(self) -> None:
        try:
            if self._keeper.is_locked:
                raise SessionSealed
            await self._owners.resume()
        except SessionSealed:
            _log.info("locked: loans are served again after `telekeep unlock`")
        except TelekeepError as error:
            _log.warning("not every loan is served again: %s: %s", type(error).__name__, error.message)
        except Exception:
            _log.exception("not every loan is served again")

    async def _let_go(self) -> None:
        await self.rest()
        try:
            await _in_time(self._owners.lock(), _PATIENCE)
        finally:
            self._keeper.lock()
            _log.info("locked")


async def _in_time(closing: Coroutine[Any, Any, None], seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds + _MARGIN):
            await closing
    except TimeoutError:
        _log.error("the sessions were not let go in time")
    except Exception:
        _log.exception("the sessions were not let go in order")
