"""The leases of one session file while this process has them, and the thread that notices a new key.

Whoever is inside may enter again: guards nest along one flow of a program (a function that is guarded calls another
one), and so do the tasks that it starts. Another thread, another task and another process are refused. A hold that is
``shared`` is the whole process's.

In a forked child nothing of this counts: it has no lease.
"""

from __future__ import annotations

import atexit
import logging
import os
from contextvars import ContextVar
from pathlib import Path
from threading import Event, RLock, Thread

from telekeep.clock import Clock
from telekeep.errors import LeaseLost, SessionBusy, TelekeepError
from telekeep.guard import places
from telekeep.guard.beside import Face
from telekeep.lease.busy import busy
from telekeep.lease.holder import Holder
from telekeep.lease.lease import Lease, Leases, Lost
from telekeep.lease.local import LocalLeases

LOOK_SECONDS = 1.0  # between two looks at the file: a login makes its key while we hold it
_BEATS = 10  # looks between two signs of life beside the file

_log = logging.getLogger(__name__)

_guard = RLock()
_held: list[Hold] = []  # those of this process
_inside: ContextVar[tuple[Hold, ...]] = ContextVar("telekeep_guard", default=())


def _forked() -> None:
    global _guard
    _guard = RLock()  # another thread of the parent may have it
    _held.clear()


os.register_at_fork(after_in_child=_forked)


@atexit.register
def _at_exit() -> None:
    """Who ends in order leaves no face behind. The leases stay ours until the kernel takes them: clients may run on."""
    for hold in _held:
        hold.hide()


class FileLeases:
    """The leases of one session file as one, in the shape of `telekeep.lease.lease.Leases`.

    ``path``: the file itself (`places.database`). ``shared``: any flow of this process may join. ``speaks``: for who
    connects, which only one at a time may do, whoever is inside.
    """

    def __init__(
        self, path: Path, *, clock: Clock, leases: Leases | None = None, shared: bool = False, speaks: bool = False
    ) -> None:
        self.path = path
        self._clock = clock
        self._leases = leases or LocalLeases(clock=clock)
        self._shared = shared
        self._speaks = speaks

    def try_acquire(
        self, auth_key_id: int = 0, *, floor: int = 0, purpose: str | None = None, durable: bool = True
    ) -> Part:
        """Take all leases of the file now, or raise SessionBusy and have none.

        ``auth_key_id``: a key that is to be among them; 0 for whatever is in the file.
        """
        with _guard:
            hold = self._joined()
            if hold is None:
                hold = Hold(self.path, self._leases, self._clock, purpose)
                hold.take(auth_key_id, floor)
                _held.append(hold)
            elif auth_key_id:
                hold.take(auth_key_id, floor)
            part = Part(hold, auth_key_id, self._speaks)
            hold.parts.append(part)
            hold.shared |= self._shared
            _inside.set((*(each for each in _inside.get() if each.is_alive and each is not hold), hold))
            return part

    def _joined(self) -> Hold | None:
        """The hold of this file that this flow is inside of. Raises SessionBusy if another one speaks already."""
        mine = _inside.get()
        for hold in _held:
            if hold.is_alive and hold.path == self.path and (hold.shared or hold in mine):
                if self._speaks and any(part.speaks for part in hold.parts):
                    raise busy(hold.holder, clock=self._clock)
                return hold
        return None

    def holder(self, name: str) -> Holder | None:
        return self._leases.holder(name)


class Hold:
    """See the module. ``parts``: those who are inside."""

    def __init__(self, path: Path, leases: Leases, clock: Clock, purpose: str | None) -> None:
        self.path = path
        self.parts: list[Part] = []
        self.shared = False
        self._all = leases
        self._clock = clock
        self._purpose = purpose
        self._pid = os.getpid()
        self._leases: dict[int, Lease] = {}
        self._conflict: SessionBusy | None = None
        self._seen: object = None
        self._over = Event()
        self._face: Face | None = None

    @property
    def is_alive(self) -> bool:
        return bool(self.parts) and os.getpid() == self._pid

    @property
    def holder(self) -> Holder:
        return next(iter(self._leases.values())).holder

    def lease(self, auth_key_id: int) -> Lease:
        return self._leases.get(auth_key_id) or next(iter(self._leases.values()))

    def take(self, auth_key_id: int = 0, floor: int = 0) -> None:
        """Take every lease of the file that we do not have. Raises SessionBusy, and then has none that is new."""
        before = set(self._leases)
        try:
            self._take(auth_key_id, floor)
        except BaseException:
            for each in set(self._leases) - before:
                self._leases.pop(each).release()
            raise
        if not before:
            self._face = Face(self.path, self.holder)
            self._face.show()
            Thread(target=self._watch, name="telekeep-guard", daemon=True).start()

    def _take(self, auth_key_id: int, floor: int) -> None:
        """Path first, then what is in the file; read again each time, until nothing new is found: only under the lease
        of its key is it certain that a key is still the one that was read.
        """
        seen = self._signature()
        path = places.path_id(self.path)
        self._add(path, 0, durable=False)
        if auth_key_id:
            self._add(auth_key_id, floor, durable=True)
        while new := [each for each in places.lease_ids(self.path) if each not in self._leases]:
            for each in new:
                self._add(each, 0, durable=True)
        self._seen = seen

    def _add(self, lease_id: int, floor: int, *, durable: bool) -> None:
        if lease_id not in self._leases:
            self._leases[lease_id] = self._all.try_acquire(
                lease_id, floor=floor, purpose=self._purpose, durable=durable
            )

    def check(self) -> None:
        """Raise LeaseLost unless everything is still ours."""
        if os.getpid() != self._pid:
            raise LeaseLost(reason=Lost.FORKED)
        if self._conflict is not None:
            raise LeaseLost(reason=f"another process uses the key that is in {self.path.name} now")
        for lease in tuple(self._leases.values()):
            lease.check()

    # ---- the thread

    def _watch(self) -> None:
        looks = 0
        while not self._over.wait(LOOK_SECONDS):
            looks += 1
            if looks % _BEATS == 0 and self._face is not None:
                self._face.beat()
            try:
                self._look()
            except TelekeepError as error:  # somebody is writing: we look again
                _log.debug("%s could not be looked at: %s", self.path, error.message)

    def _look(self) -> None:
        """Take the lease of a key that has appeared. If another process has it, we have lost what we hold."""
        seen = self._signature()
        if seen == self._seen:
            return
        with _guard:
            if not self.is_alive:
                return
            for each in places.lease_ids(self.path):
                try:
                    self._add(each, 0, durable=True)
                except SessionBusy as error:
                    self._conflict = error
                    _log.error("%s holds a key now that another process uses. %s", self.path, error.message)
            self._seen = seen

    def _signature(self) -> object:
        """Differs when anybody has written to the file."""
        found = []
        for ending in ("", "-wal"):
            try:
                stat = os.stat(f"{self.path}{ending}")  # noqa: PTH116
                found.append((stat.st_ino, stat.st_size, stat.st_mtime_ns))
            except OSError:
                found.append((0, 0, 0))
        return found

    # ---- the end

    def hide(self) -> None:
        """Take our face away from beside the file."""
        if self._face is not None:
            self._face.take_away()

    def leave(self, part: Part) -> None:
        with _guard:
            if part not in self.parts:
                return
            self.parts.remove(part)
            if self.parts:
                return
            if self in _held:
                _held.remove(self)
            self._over.set()
            if os.getpid() != self._pid:
                return
            self.hide()
            for lease in self._leases.values():
                lease.release()


class Part:
    """One who is inside a `Hold`, in the shape of a `telekeep.lease.lease.Lease`. Made by `FileLeases`."""

    def __init__(self, hold: Hold, auth_key_id: int, speaks: bool) -> None:
        self._hold = hold
        self._lease = hold.lease(auth_key_id)
        self.speaks = speaks
        self.auth_key_id = auth_key_id
        self.fence = self._lease.fence
        self.lost: str | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._hold.path.name}, {self.lost or 'ours'})"

    @property
    def holder(self) -> Holder:
        return self._lease.holder

    def check(self) -> None:
        """Make sure that everything is still ours; see `telekeep.lease.lease.Lease`."""
        if self.lost is None:
            try:
                self._hold.check()
                return
            except LeaseLost as error:
                self.lost = error.reason
        raise LeaseLost(reason=self.lost)

    def sync(self) -> None:
        self.check()
        self._lease.sync()

    def release(self) -> None:
        """Leave; whoever leaves last gives the leases back. Any number of times."""
        self.lost = self.lost or Lost.RELEASED
        self._hold.leave(self)
