"""The daemon: the process that owns sessions, as the operating system sees it.

It has a lock, a control socket, a file that says where that is, signals, a lifetime and an end. What it does with
sessions is its `Owners`' business, and whether they may open them `Custody`'s.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from telekeep.borrow.asking import hail
from telekeep.borrow.run.folder import sweep
from telekeep.errors import OwnerAbsent, SessionConflict, TelekeepError
from telekeep.gateway.control import DaemonControl
from telekeep.paths import private_folder, write_atomically
from telekeep.work import alone
from telekeep.work.custody import Custody, Owners
from telekeep.work.keeping import DaemonKeeper
from telekeep.work.notify import Notifier

GRACE = 15.0  # seconds for running calls to end, once a daemon is told to stop
FACE = "daemon.toml"
_PATIENCE = 1.0  # seconds for a daemon that ends to be gone, or for somebody who asks whether one runs
_STEP = 0.05  # seconds between two looks at another's lock
_ROUND = 5.0  # seconds between two looks at what is due

_log = logging.getLogger(__name__)


class Daemon:
    """The owner process of ``keeper``'s home.

    ``idle``: seconds without a borrower or a command after which it ends, None for never. ``log``: where it logs to,
    for others to know. ``notifier``: the service manager to keep informed. ``besides``: what else goes on while it
    serves; cancelled when it stops, before any session is let go. ``more``: further verbs of the control socket;
    ``is_needed``: whether anything but a borrower needs it.
    """

    def __init__(
        self,
        keeper: DaemonKeeper,
        owners: Owners,
        *,
        idle: float | None = None,
        log: Path | None = None,
        notifier: Notifier | None = None,
        besides: Sequence[Callable[[], Coroutine[Any, Any, None]]] = (),
        more: Mapping[str, Callable[..., Any]] | None = None,
        is_needed: Callable[[], bool] = lambda: False,
    ) -> None:
        self._besides = besides
        self._is_needed = is_needed
        self._keeper = keeper
        self._owners = owners
        self._idle = idle
        self._log_file = log
        self._notifier = notifier or Notifier()
        self._stopping = asyncio.Event()
        self._custody = Custody(keeper, owners)
        self._since = self._last = 0.0
        self._owned = frozenset(owners.verbs())
        about = {"version": _version(), "network": keeper.network.name}
        verbs: dict[str, Callable[..., Any]] = {
            "status": self._status,
            "stop": self._stop,
            "reload": self.reload,
            "unlock": self._custody.unlock,
            "lock": self._custody.lock,
            "expect_key": self._custody.expect_key,
        }
        self._control = DaemonControl(
            keeper.home, {**owners.verbs(), **verbs, **(more or {})}, about=about, before=self._before, report=_report
        )

    async def run(self, *, ready: Callable[[], object] = lambda: None, patience: float = _PATIENCE) -> None:
        """Serve until SIGTERM, SIGINT, the verb ``stop`` or the idle time; ``ready`` is called once it serves.

        ``patience``: seconds to wait for another daemon of this home that is ending. Raises SessionConflict if it runs
        on, ConfigError or StorageUnavailable if the home cannot be used.
        """
        home = self._keeper.home
        for folder in (home.root, home.run, home.log):
            private_folder(folder)
        lock = await self._take_lock(patience)
        for line in sweep(home):  # what `telekeep run` has left where it was killed
            _log.warning("%s", line)
        loop = asyncio.get_running_loop()
        signals = {signal.SIGTERM: self._on_signal, signal.SIGINT: self._on_signal, signal.SIGHUP: self._on_hangup}
        try:
            for number, handler in signals.items():
                loop.add_signal_handler(number, handler, number)
            await self._control.start()
            try:
                await self._serve(home.run / FACE, ready, lock)
            finally:
                await self._end(home.run / FACE)
        finally:
            for number in signals:
                loop.remove_signal_handler(number)
            self._keeper.close()
            os.close(lock)

    def stop(self) -> None:
        """Let `run` end, gracefully."""
        self._stopping.set()

    def reload(self) -> None:
        """Read the settings again. Raises ConfigError if they contradict themselves; the old ones stay in force."""
        self._notifier.reloading()
        try:
            self._keeper.reload()
            _log.info("the settings were read again")
        except TelekeepError as error:
            _log.warning("the settings cannot be used, the old ones stay: %s", error.message)
            raise
        finally:
            self._notifier.ready()

    # ---- its life

    async def _take_lock(self, patience: float) -> int:
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        said: dict[str, Any] | None = None
        while True:
            lock = alone.take(self._keeper.home)
            if lock is not None:
                return lock
            with suppress(TelekeepError):  # one of another release runs as well
                said = await asyncio.to_thread(hail, self._keeper.home)
                if said is None and loop.time() < end:
                    await asyncio.sleep(_STEP)
                    continue
            of = f" (pid {said['pid']})" if said else ""
            raise SessionConflict(
                f"A daemon of this home runs already{of}.",
                remedy="Use it as it is, or stop it first: `telekeep daemon stop`.",
            )

    async def _serve(self, face: Path, ready: Callable[[], object], lock: int) -> None:
        self._since = self._keeper.clock.wall()
        self._last = self._keeper.clock.boot()
        described = {
            "pid": os.getpid(),
            "control": str(self._control.path),
            "since": self._since,
            "version": _version(),
        }
        write_atomically(face, "".join(f"{name} = {json.dumps(value)}\n" for name, value in described.items()).encode())
        _log.info("serving (pid %d, network %s)", os.getpid(), self._keeper.network.name)
        self._notifier.ready()
        ready()
        self._custody.resume()
        tasks = [asyncio.create_task(self._look_after(lock))]
        tasks += [asyncio.create_task(each()) for each in self._besides]
        if self._notifier.seconds:
            tasks.append(asyncio.create_task(self._show_life(self._notifier.seconds)))
        try:
            await self._stopping.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _end(self, face: Path) -> None:
        """No new calls; those that run have their grace; then nothing of ours is left but the log and the locks."""
        _log.info("stopping")
        self._notifier.stopping()
        await self._custody.rest()
        drained = asyncio.create_task(self._control.server.drain(GRACE, _stopped))
        await self._custody.close(GRACE)
        if not await drained:
            _log.warning("%d requests did not end within %g s", self._control.server.running, GRACE)
        await self._control.close()
        with suppress(OSError):
            face.unlink(missing_ok=True)
        _log.info("stopped")

    def _on_signal(self, number: int) -> None:
        _log.info("told to stop by %s", signal.Signals(number).name)
        self.stop()

    def _on_hangup(self, number: int) -> None:
        with suppress(TelekeepError):  # it was logged
            self.reload()

    async def _look_after(self, lock: int) -> None:
        """Lock when the lifetime of the key ends; stop when nobody has needed us for long enough, or could find us."""
        wait = min(_ROUND, self._idle / 4) if self._idle else _ROUND
        while True:
            left = self._keeper.left
            with suppress(TimeoutError):
                async with asyncio.timeout(wait if left is None else min(wait, left + 0.01)):
                    await self._custody.changed.wait()  # the lifetime may end sooner than we would look
            self._custody.changed.clear()
            await self._custody.lock_if_due()
            if not alone.is_in_place(self._keeper.home, lock):
                _log.error("the folder %s was taken away: nobody finds this daemon any more", self._keeper.home.run)
                self.stop()
            elif self._idle is not None and self._is_idle(self._idle):
                _log.info("nobody has needed this daemon for %g s", self._idle)
                self.stop()

    def _is_idle(self, seconds: float) -> bool:
        """Whether nobody needed us for ``seconds``. A key in memory is needed: it would have to be typed again."""
        now = self._keeper.clock.boot()
        needed = self._control.server.running or self._keeper.holds_key or self._is_needed()
        if needed or not self._owners.is_idle():
            self._last = now
        return now - self._last >= seconds

    async def _show_life(self, seconds: float) -> None:
        while True:
            self._notifier.alive()
            await asyncio.sleep(seconds)

    # ---- its verbs

    async def _before(self, verb: str) -> None:
        self._last = self._keeper.clock.boot()
        await self._custody.lock_if_due()
        if verb in self._owned:
            await self._custody.settled()

    def _status(self) -> dict[str, Any]:
        """How it is, and which sessions it owns."""
        left = self._keeper.left
        try:
            source, locked = self._keeper.key_source, self._keeper.is_locked
        except TelekeepError as error:  # a vault that cannot be read: it is told, and the rest too
            _log.warning("the vault cannot be read: %s", error.message)
            source, locked = None, True
        return {
            "pid": os.getpid(),
            "since": self._since,
            "version": _version(),
            "network": self._keeper.network.name,
            "control": str(self._control.path),
            "log": str(self._log_file) if self._log_file else None,
            "supervised": self._notifier.is_asked,
            "idle_exit": self._idle,
            "key_source": source,
            "locked": locked,
            "locks_in": left,
            "sessions": self._owners.status(),
        }

    def _stop(self) -> None:
        _log.info("told to stop by a command")
        self.stop()


def _stopped() -> TelekeepError:
    return OwnerAbsent("The daemon is stopping.")


def _report(verb: str, error: Exception) -> None:
    _log.error("the verb %r failed in a way nobody foresaw", verb, exc_info=error)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("telekeep")
    except PackageNotFoundError:
        return "unknown"


__all__ = ["GRACE", "Daemon", "Owners"]
