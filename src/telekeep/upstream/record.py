"""A kept session while we hold it: what is known of it, and what of that the vault has not been told yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from telekeep.clock import Clock
from telekeep.events import Events, SessionSaved
from telekeep.lease.lease import Lease
from telekeep.session.model import Session, UpdateState
from telekeep.upstream.cast import Cast

if TYPE_CHECKING:
    from telekeep.vault.record import Entry
    from telekeep.vault.vault import Vault

_TOUCH_SECONDS = 60.0


class Kept(NamedTuple):
    """A record as it was read from the vault, the entry first."""

    entry: Entry
    session: Session

    @classmethod
    def read(cls, vault: Vault, name: str) -> Kept:
        with vault.view():
            return cls(*vault.read(name))


class Record:
    """The kept session ``name``, while we hold its ``lease``: what is known of it, and what of that is not on disk yet.

    Nothing is written once the lease is lost; a newer holder may have begun.
    """

    def __init__(self, name: str, kept: Kept, *, vault: Vault, lease: Lease, clock: Clock, events: Events) -> None:
        self.session = kept.session
        self._name = name
        self._generation = kept.entry.generation
        self._vault = vault
        self._lease = lease
        self._clock = clock
        self._events = events
        self.cast = Cast(self.session.peers)
        self.user = self.session.user
        self.state = self._stored_state = self.session.state
        self.notes_uses = True  # else whoever holds many at once writes them all down in one go
        self._used_at = self._stored_use = 0.0
        self._is_over = False
        # in place of writing the state alone, for an owner who has more to write with it: the state, and our fence
        self.save_progress: Callable[[UpdateState | None, int], None] | None = None

    def keep(self, session: Session) -> None:
        """Write key, data center and user as a new generation, now. Raises what `Vault.keep` does, and LeaseLost."""
        if self._is_over:
            return
        self._lease.check()
        bare = replace(session, state=None, peers=())  # they lie in the other file, newer than here
        entry = self._vault.keep(self._name, bare, fence=self._lease.fence, expected=self._generation)
        self._generation = entry.generation
        self.session = replace(session, state=self.session.state, peers=self.session.peers)
        self._events.report(SessionSaved(self._name, self._clock.wall(), entry.generation))

    def used(self) -> None:
        """Telegram accepted the session just now."""
        self._used_at = self._clock.wall()

    def flush(self) -> None:
        """Write what changed since the last time. Raises what the vault does, and LeaseLost."""
        if self._is_over:
            return
        self._lease.check()
        fence, key_id = self._lease.fence, self.session.auth_key.id
        if self.user != self.session.user:
            self.keep(replace(self.session, user=self.user))
        if self.save_progress is not None:
            self.save_progress(self.state, fence)
            self._stored_state = self.state
        elif self.state is not None and self.state != self._stored_state:
            self._vault.save_state(self._name, key_id, self.state, fence=fence)
            self._stored_state = self.state
        if peers := self.cast.changed():
            self._vault.save_peers(self._name, key_id, peers, fence=fence)
        if self.notes_uses and self._used_at - self._stored_use >= _TOUCH_SECONDS:
            self._vault.touch(self._name, fence=fence, at=self._used_at)
            self._stored_use = self._used_at

    def hand_on(self, over: bool = True) -> None:
        """Write nothing any more: another key is kept under this name from now on. Not ``over``: it was put back."""
        self._is_over = over

    def kept_again(self, generation: int) -> None:
        """This session is in force again, as this generation."""
        self._generation = generation
        self.hand_on(False)

    def finish(self) -> None:
        """Write everything, the last use included, and put it on disk."""
        self._stored_use = 0.0
        self.flush()
        if self.notes_uses:
            self._vault.flush()

    def set_aside(self) -> None:
        """The authorization was ended on purpose: the record is no longer kept, and not destroyed."""
        if self._is_over:
            return
        self._lease.check()
        self._vault.remove(self._name, fence=self._lease.fence)
