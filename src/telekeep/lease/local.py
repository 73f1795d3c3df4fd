"""Leases of one machine: a flock per key (`telekeep.lease.flock`), with the holder's face and the fence in its file.

The kernel gives a flock back when its holder dies, however it dies; it lies on the descriptor, not on the process, so
that a second attempt of the same process is refused like anyone's. Forked children have no part in it: a Celery prefork
child must not keep it after its parent died (the connections are cut there as well, see upstream).

The files are 0666. Who can read one can flock it as well, so a stricter mode would not keep a hostile user from denying
a lease; it would only make a key unusable for a second user of the machine, for good, once the first has held it. What
is written there by others can mislead the eye, but neither lower a fence below the vault's nor make two holders.
"""

from __future__ import annotations

import os
import time
from os import getpid, lstat, pread
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NoReturn

from telekeep.errors import ConfigError, LeaseLost, SessionBusy, StorageUnavailable, TelekeepError
from telekeep.lease import flock, probe
from telekeep.lease.busy import busy
from telekeep.lease.fence import next_fence
from telekeep.lease.folder import lease_folder, machine_folder, make_ready, refuse_network
from telekeep.lease.holder import Holder, this_process
from telekeep.lease.lease import Lost, lease_name
from telekeep.lease.record import FENCE_BYTES, decode_fence, encode, encode_fence

if TYPE_CHECKING:
    from telekeep.clock import Clock

_ATTEMPTS = 5
_MODE = 0o666  # see above
_PAUSE = 0.001  # seconds; longer than another acquirer needs from its flock to its face


class LocalLeases:
    """The leases of this machine.

    ``folder``: where they lie (default: TELEKEEP_LEASES, else the machine's, see `telekeep.lease.folder`). Nothing is
    made before the first lease is taken.
    """

    def __init__(self, folder: Path | None = None, *, clock: Clock) -> None:
        self.folder = lease_folder(folder)
        self._for_everybody = self.folder == machine_folder()
        self._clock = clock
        self._on_local_disk: int | None = None  # the device that was found to be one

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r})"

    def holder(self, name: str) -> Holder | None:
        """Who holds the lease called ``name``, or None if it is free. Disturbs nobody."""
        return probe.holder(self.folder, name)

    def try_acquire(
        self, auth_key_id: int, *, floor: int = 0, purpose: str | None = None, durable: bool = True
    ) -> LocalLease:
        """Take the lease on a key now; see `telekeep.lease.lease.Leases`.

        Raises SessionBusy if another has it, or its file cannot be opened; ConfigError for a folder that cannot be
        relied upon; StorageUnavailable for a disk that is full or read-only.
        """
        self._make_ready()
        name = lease_name(auth_key_id)
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE)
            claim = _Claim(f"{self.folder}{os.sep}{name}.lease", auth_key_id, self._clock, floor, purpose, durable)
            if claim.stake():
                return LocalLease(claim)
            if holder := self.holder(name):
                raise busy(holder, clock=self._clock)
            # Taken, yet nobody shows: it was given back this moment, or its new holder has not signed yet.
        raise busy(None, clock=self._clock)

    def _make_ready(self) -> None:
        device = make_ready(self.folder, for_everybody=self._for_everybody)
        if device != self._on_local_disk:
            refuse_network(self.folder)
            self._on_local_disk = device


class _Replaced(Exception):
    """The file was replaced between our opening and locking it."""


class _Claim:
    """One attempt at a lease, and what was signed under its lock."""

    def __init__(
        self, path: str, auth_key_id: int, clock: Clock, floor: int, purpose: str | None, durable: bool
    ) -> None:
        self.path = path
        self.auth_key_id = auth_key_id
        self._clock = clock
        self._floor = floor
        self._purpose = purpose
        self._durable = durable
        self.descriptor = -1
        self.identity = (0, 0)
        self.holder: Holder

    def stake(self) -> bool:
        """Whether the lease is now ours: locked and signed, on disk if it is to be durable."""
        try:
            descriptor = flock.take(self.path, _MODE)
            if descriptor is None:
                return False
            try:
                self._sign(descriptor)
            except BaseException:
                flock.give_back(descriptor)
                raise
        except _Replaced:
            return False
        except TelekeepError:
            raise
        except OSError as error:
            self._refuse(error)
        return True

    def _sign(self, descriptor: int) -> None:
        """Write the next fence and our face. Runs under the lock; an error gives it back."""
        opened = os.fstat(descriptor)
        if not probe.is_lease_file(opened):
            raise self._unusable("it is no plain file")
        self._check_place(opened)
        fence = next_fence(
            counter=decode_fence(pread(descriptor, FENCE_BYTES, 0)), wall=self._clock.wall(), floor=self._floor
        )
        self.holder = this_process(clock=self._clock, fence=fence, purpose=self._purpose)
        os.pwrite(descriptor, encode(self.holder), 0)
        probe.light(descriptor)
        if self._durable:
            _sync(descriptor)
        self._check_place(opened)
        self.descriptor = descriptor
        self.identity = (opened.st_ino, opened.st_dev)

    def _check_place(self, opened: os.stat_result) -> None:
        try:
            found = lstat(self.path)
        except FileNotFoundError:
            raise _Replaced from None
        if not os.path.samestat(opened, found):
            raise _Replaced

    def _refuse(self, error: OSError) -> NoReturn:
        from errno import EDQUOT, ENOSPC, ENOSYS, EROFS

        if error.errno in (ENOSPC, EDQUOT, EROFS):
            raise _unwritable(self.path, error) from None
        if error.errno != ENOSYS and os.path.lexists(self.path):
            raise self._unusable(error.strerror or "unknown error") from None
        raise ConfigError(
            f"The lease folder {Path(self.path).parent} cannot be used: {error.strerror}.",
            remedy="Set TELEKEEP_LEASES to a folder on a disk of this machine that you may write to.",
        ) from None

    def _unusable(self, why: str) -> SessionBusy:
        """One that cannot be opened counts as held: nobody can know that it is not."""
        return SessionBusy(
            f"This session counts as held: its lease file {self.path} cannot be used ({why}).",
            remedy=f"If no program uses the session, have root remove it: sudo rm -r {self.path}",
        )


def _unwritable(path: str, error: OSError) -> StorageUnavailable:
    return StorageUnavailable(f"The lease folder {Path(path).parent} cannot be written: {error.strerror}.")


_sync = getattr(os, "fdatasync", os.fsync)


class LocalLease:
    """A lease of this machine. Made by `LocalLeases`."""

    def __init__(self, claim: _Claim) -> None:
        self._descriptor = claim.descriptor
        self._path = claim.path
        self._inode, self._device = claim.identity
        self._signature = encode_fence(claim.holder.fence)
        self._pid = getpid()
        self._giving_back = Lock()
        self.auth_key_id = claim.auth_key_id
        self.holder = claim.holder
        self.fence = claim.holder.fence
        self.lost: str | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(fence={self.fence}, {self.lost or 'ours'})"

    def check(self) -> None:
        """Make sure that the lease is still ours; see `telekeep.lease.lease.Lease`.

        Ours: this process took it, the file at its path is the one we locked (a deleted file can be made and locked
        anew by another), and the fence in it is the one we wrote.
        """
        if self.lost is None:
            self.lost = self._found_lost()
        if self.lost is not None:
            raise LeaseLost(reason=self.lost)

    def _found_lost(self) -> Lost | None:
        if getpid() != self._pid:
            return Lost.FORKED
        try:
            found = lstat(self._path)
            if found.st_ino != self._inode or found.st_dev != self._device:
                return Lost.REPLACED
            if pread(self._descriptor, FENCE_BYTES, 0) != self._signature:
                return Lost.SUPERSEDED
        except OSError:
            return Lost.REPLACED
        return None

    def sync(self) -> None:
        """Put the fence on disk; see `telekeep.lease.lease.Lease`."""
        self.check()
        try:
            _sync(self._descriptor)
        except OSError as error:
            raise _unwritable(self._path, error) from None

    def release(self) -> None:
        """Give it back; see `telekeep.lease.lease.Lease`."""
        if getpid() != self._pid:
            self.lost = self.lost or Lost.FORKED
            return
        with self._giving_back:
            if self._descriptor < 0:
                return
            descriptor, self._descriptor = self._descriptor, -1
            self.lost = self.lost or Lost.RELEASED
            probe.put_out(descriptor)
            flock.give_back(descriptor)
