"""What a held client writes back: key and data center at once, update state and peers in batches.

`Record` is the vault's side, `VaultSession` Telethon's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from telethon.crypto import AuthKey as TelethonKey
from telethon.sessions import MemorySession
from telethon.tl.types import PeerChannel
from telethon.tl.types import User as TelethonUser

from telekeep.clock import Clock
from telekeep.events import Events, SessionSaved
from telekeep.lease.lease import Lease
from telekeep.session.model import AuthKey, DataCenter, Peer, PeerKind, Session, User
from telekeep.upstream import progress
from telekeep.upstream.cast import Cast, marked, unmarked

if TYPE_CHECKING:
    from telekeep.vault.vault import Vault

_TOUCH_SECONDS = 60.0


class Record:
    """The kept session ``name``, while we hold its ``lease``: what is known of it, and what of that is not on disk yet.

    Nothing is written once the lease is lost; a newer holder may have begun.
    """

    def __init__(
        self, name: str, session: Session, generation: int, *, vault: Vault, lease: Lease, clock: Clock, events: Events
    ) -> None:
        self.session = session
        self._name = name
        self._generation = generation
        self._vault = vault
        self._lease = lease
        self._clock = clock
        self._events = events
        self.cast = Cast(self.session.peers)
        self.user = self.session.user
        self.state = self._stored_state = self.session.state
        self._used_at = self._stored_use = 0.0

    def keep(self, session: Session) -> None:
        """Write key, data center and user as a new generation, now. Raises what `Vault.keep` does, and LeaseLost."""
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
        self._lease.check()
        fence, key_id = self._lease.fence, self.session.auth_key.id
        if self.user != self.session.user:
            self.keep(replace(self.session, user=self.user))
        if self.state is not None and self.state != self._stored_state:
            self._vault.save_state(self._name, key_id, self.state, fence=fence)
            self._stored_state = self.state
        if peers := self.cast.changed():
            self._vault.save_peers(self._name, key_id, peers, fence=fence)
        if self._used_at - self._stored_use >= _TOUCH_SECONDS:
            self._vault.touch(self._name, fence=fence, at=self._used_at)
            self._stored_use = self._used_at

    def finish(self) -> None:
        """Write everything, the last use included, and put it on disk."""
        self._stored_use = 0.0
        self.flush()
        self._vault.flush()

    def set_aside(self) -> None:
        """The authorization was ended on purpose: the record is no longer kept, and not destroyed."""
        self._lease.check()
        self._vault.remove(self._name, fence=self._lease.fence)


class VaultSession(MemorySession):  # type: ignore[misc]  # Telethon carries no types
    """A Telethon session over a `Record`. Without one it has an address and nothing else: no key without a lease.

    ``follows``: whether the client listens to updates; if not, its idea of the update state is none, and not noted.
    """

    def __init__(self, home: DataCenter | None = None, *, follows: bool = True) -> None:
        super().__init__()
        self._follows = follows
        self._record: Record | None = None
        self._cast = Cast()
        self._own_tmp_auth_key: Any = None
        if home is not None:
            self.set_dc(home.id, home.host, home.port)

    def open(self, record: Record, home: DataCenter) -> None:
        """Speak for ``record``, reached at ``home``, from now on."""
        self._record, self._cast = record, record.cast
        self.set_dc(home.id, home.host, home.port)
        self._auth_key = TelethonKey(record.session.auth_key.reveal())

    def forget(self) -> None:
        """Forget the key: the lease on it is about to be given back. Who was met stays known, for looking up."""
        self._record, self._auth_key = None, None

    @property
    def user(self) -> User | None:
        """Whom the session is logged in as, while it is held."""
        return self._record.user if self._record else None

    def clone(self, to_instance: Any = None) -> Any:
        """A copy for Telethon's CDN connections, which touches no vault."""
        return to_instance or MemorySession()

    # ---- key and data center: at once

    @property
    def tmp_auth_key(self) -> Any:  # MemorySession's own setter overwrites the permanent key
        return self._own_tmp_auth_key

    @tmp_auth_key.setter
    def tmp_auth_key(self, value: Any) -> None:
        self._own_tmp_auth_key = value

    def save(self) -> None:
        """Telethon calls this after changing key or data center, and now and then."""
        key = self._auth_key.key if self._auth_key else None
        if self._record is None or not key or not any(key):
            return
        kept = self._record.session
        if key != kept.auth_key.reveal() or self._dc_id != kept.dc.id:
            dc = DataCenter(self._dc_id, self._server_address, self._port)
            self._record.keep(replace(kept, dc=dc, auth_key=AuthKey(key)))

    def delete(self) -> None:
        """Telethon calls this after log_out; the record was set aside while we still held it."""

    # ---- update state: noted, written by `Record.flush`

    def get_update_state(self, entity_id: int) -> Any:
        return dict(self.get_update_states()).get(entity_id)

    def get_update_states(self) -> Any:
        return progress.telethon_states(self._record.state if self._record else None)

    def set_update_state(self, entity_id: int, state: Any) -> None:
        if self._record is None or not self._follows:
            return
        if entity_id:
            self._record.state = progress.channel_seen(self._record.state, entity_id, state.pts)
        else:
            self._record.state = progress.account_seen(
                self._record.state, pts=state.pts, qts=state.qts, date=state.date, seq=state.seq
            )

    def see_box(self, account: Mapping[str, Any], channels: Mapping[int, int]) -> None:
        """Note what Telethon's message box has come to."""
        if self._record is not None and self._follows:
            self._record.state = progress.box_seen(self._record.state, account, channels)

    # ---- peers: noted, written by `Record.flush`

    def process_entities(self, tlo: Any) -> None:
        for number, access_hash, username, phone, name in self._entities_to_rows(tlo):
            if number == 0:  # how Telethon writes down who we are
                self._is_us(User(access_hash))
            else:
                kind, bare = unmarked(number)
                known_hash = None if kind is PeerKind.CHAT else access_hash
                self._cast.meet(Peer(kind, bare, known_hash, username, phone, name))
        for user in tlo if isinstance(tlo, list) else getattr(tlo, "users", None) or ():
            if isinstance(user, TelethonUser) and user.is_self:
                self._is_us(User(user.id, bool(user.bot), user.username))

    def _is_us(self, user: User) -> None:
        if self._record is not None and (self._record.user is None or user.is_bot is not None):
            self._record.user = user

    def get_input_entity(self, key: Any) -> Any:
        return super().get_input_entity(PeerChannel(int(key)) if isinstance(key, progress.ChannelId) else key)

    def get_entity_rows_by_id(self, id: int, exact: bool = True) -> tuple[int, int] | None:
        if id == 0:
            user = self._record.user if self._record else None
            return (0, user.id) if user else None
        return _row(self._cast.by_id(id) if exact else self._cast.by_bare_id(id))

    def get_entity_rows_by_username(self, username: str) -> tuple[int, int] | None:
        return _row(self._cast.by_username(username))

    def get_entity_rows_by_phone(self, phone: str) -> tuple[int, int] | None:
        return _row(self._cast.by_phone(phone))

    def get_entity_rows_by_name(self, name: str) -> tuple[int, int] | None:
        return _row(self._cast.by_name(name))


def _row(peer: Peer | None) -> tuple[int, int] | None:
    return None if peer is None else (marked(peer), peer.access_hash or 0)
