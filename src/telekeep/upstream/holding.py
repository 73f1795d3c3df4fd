"""One holding of a session, from connecting to disconnecting: its lease, its line and its record."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from telekeep.clock import Clock
from telekeep.errors import LeaseLost, SessionBusy, StaleFence, StorageUnavailable, TelekeepError
from telekeep.events import Events, LeaseGone
from telekeep.lease.busy import busy
from telekeep.lease.lease import Lease, Leases, lease_name
from telekeep.lease.renewal import TIMEOUT, acquire
from telekeep.pace.ledger import Ledger
from telekeep.pace.policy import SHORT_SECONDS
from telekeep.session.network import Network
from telekeep.upstream.line import Line
from telekeep.upstream.record import Kept, Record

if TYPE_CHECKING:
    import asyncio

    from telekeep.upstream.admission import Admission
    from telekeep.vault.highwater import Position
    from telekeep.vault.record import Entry
    from telekeep.vault.vault import Vault

CONNECT_SECONDS = 60.0
_ASK_AGAIN = 1.0  # seconds until a holder is asked again to hand over

HandOver = Callable[[str], Awaitable[SessionBusy | None]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Terms:
    """What is needed to hold the session ``name``.

    ``timeout``: seconds to wait for the lease; ``connect_seconds``: from then on to a proven login (Telethon itself
    waits for an answer without end); ``purpose``: a word or two that others are shown; ``hand_over``: asks whoever has
    the lease of this name for it, and returns why it is not given, if it is not; ``admission``: puts fences on disk
    for many sessions at once, in place of each lease file on its own.
    ``brief``: held to ask a question or two; the use is not written down by the holding itself (see `Vault.note_uses`).
    ``given``: the lease, if it was taken before; it serves for one holding of the key that it is on.
    ``ledger``: where flood waits are kept; ``patience``: seconds of one that are waited out; ``probing``: ask Telegram
    even if the key is set aside. ``company``: the other processes of this machine that are connected to the session's
    data center, in words; it reads much of /proc, and is called in a thread.
    """

    name: str
    vault: Vault
    leases: Leases
    network: Network
    clock: Clock
    ledger: Ledger
    events: Events = field(default_factory=Events)
    timeout: float = TIMEOUT
    connect_seconds: float = CONNECT_SECONDS
    purpose: str | None = None
    hand_over: HandOver | None = None
    admission: Admission | None = None
    brief: bool = False
    patience: float = SHORT_SECONDS
    probing: bool = False
    given: Lease | None = None
    company: Callable[[], list[str]] | None = None


@dataclass(eq=False)
class Holding:
    """One holding. ``closing`` is set once, by whoever ends it first; ``error`` is why, if it was not by choice."""

    terms: Terms
    lease: Lease
    line: Line
    record: Record
    writing: asyncio.TimerHandle | None = None
    closing: asyncio.Task[None] | None = None
    announced: int | None = None  # the MTProto session that Telegram has said it began
    logged_out: bool = False
    error: Exception | None = None

    def write(self, *, finish: bool = False) -> None:
        """Write what changed; ``finish``: all of it, onto the disk.

        A disk that refuses ends nothing: the next time may succeed, and catching up makes good what was not written.
        """
        try:
            if finish:
                self.record.finish()
            else:
                self.record.flush()
        except StaleFence as error:
            self.line.lose(f"a newer holder has written, with fence {error.newest}")
        except LeaseLost as error:
            self.line.lose(error.reason)
        except TelekeepError as error:
            _log.warning("The update state of %r could not be written: %s", self.terms.name, error)

    def give_back(self) -> None:
        """Write everything, and give the lease back. Nothing of this holding may be connected any more."""
        try:
            self.write(finish=True)
            if self.logged_out:
                self._set_aside()
        finally:
            reason = self.lease.lost or "disconnected"
            self.lease.release()
        self.terms.events.report(LeaseGone(self.terms.name, self.terms.clock.wall(), reason))

    def _set_aside(self) -> None:
        try:
            self.record.set_aside()
        except TelekeepError as error:  # the login is over either way, and Telegram says so at the next use
            _log.warning("%r was logged out, and could not be set aside: %s", self.terms.name, error)


async def take(terms: Terms, kept: Kept) -> tuple[Lease, Kept]:
    """Take the lease on what is ``kept``, waiting for it, and make sure under it that this is what is kept still.

    Raises SessionBusy, and what the vault says; then nothing is held.
    """
    deadline = terms.clock.boot() + terms.timeout
    while True:
        key_id, floor = kept.session.auth_key.id, kept.entry.fence
        left = max(0.0, deadline - terms.clock.boot())
        lease = await _acquire(terms, key_id, floor, left)
        try:
            now, is_away = await _found(terms, lease)
            if is_away:  # asked under the lease: who gives a key away holds it
                raise _away(terms.name)
            if _mark(now) != _mark(kept.entry):  # somebody has written since we read it
                kept = Kept.read(terms.vault, terms.name)
            is_newest = now.fence < lease.fence or (lease is terms.given and now.fence == lease.fence)
            if kept.session.auth_key.id == key_id and is_newest:
                return lease, kept
        except BaseException:
            lease.release()
            raise
        lease.release()  # somebody logged in anew, or wrote under a newer fence, while we waited: begin from there


async def _found(terms: Terms, lease: Lease) -> tuple[Entry | Position, bool]:
    """How far the session had come before we took it, and whether its key lies in a file.

    Our fence is on disk when this returns, unless it is too old.
    """
    if terms.admission is not None:
        try:
            return await terms.admission.admit(terms.name, lease)
        except StorageUnavailable:
            lease.sync()
    with terms.vault.view():
        return terms.vault.entry(terms.name), lease_name(lease.auth_key_id) in terms.vault.away()


async def _acquire(terms: Terms, key_id: int, floor: int, timeout: float) -> Lease:
    """The lease, waited for; whoever has it is asked for it, if there is a way to ask."""
    if terms.given is not None and terms.given.auth_key_id == key_id and terms.given.lost is None:
        return terms.given

    async def attempt(seconds: float) -> Lease:
        return await acquire(
            terms.leases,
            key_id,
            timeout=seconds,
            clock=terms.clock,
            floor=floor,
            purpose=terms.purpose,
            durable=terms.admission is None,
        )

    if terms.hand_over is None:
        return await attempt(timeout)
    deadline = terms.clock.boot() + timeout
    try:
        return await attempt(0.0)
    except SessionBusy:
        pass
    while True:
        refused = await terms.hand_over(lease_name(key_id))
        left = max(0.0, deadline - terms.clock.boot())
        try:
            return await attempt(min(left, _ASK_AGAIN))  # who has it by then may be another one, and have it to give
        except SessionBusy as last:
            if (late := terms.clock.boot() - deadline) >= 0:
                told = busy(last.holder, clock=terms.clock, waited=timeout + late) if timeout > 0 else last
                raise refused or told from None


def _away(name: str) -> SessionBusy:
    return SessionBusy(
        f"The key of {name!r} lies in a file, where a program may use it that knows nothing of telekeep; two users of "
        "one key would end the login.",
        remedy="`telekeep adopt --list` names the file; `telekeep adopt FILE` takes the key back.",
    )


def _mark(entry: Entry | Position) -> Any:
    """Differs if anybody has written in between: every holder writes under a fence of its own."""
    return entry.lease, entry.generation, entry.fence
