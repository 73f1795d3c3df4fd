"""The Telethon session of a held client: what Telethon says goes into the `Record`, key and data center at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from telethon.crypto import AuthKey as TelethonKey
from telethon.sessions import MemorySession
from telethon.tl.types import PeerChannel
from telethon.tl.types import User as TelethonUser

from telekeep.session.model import AuthKey, DataCenter, Peer, PeerKind, User
from telekeep.upstream import progress
from telekeep.upstream.cast import Cast, marked, unmarked
from telekeep.upstream.record import Record


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

    def peer(self, kind: PeerKind, number: int) -> Peer | None:
        """Whom the session has met under this id."""
        return self._cast.by_id(marked(Peer(kind, number)))

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
        is_other = key != kept.auth_key.reveal()
        if is_other or self._dc_id != kept.dc.id:
            dc = DataCenter(self._dc_id, self._server_address, self._port)
            others = {} if is_other else kept.other_keys  # they belong to the authorization that the old key had
            self._record.keep(replace(kept, dc=dc, auth_key=AuthKey(key), other_keys=others))

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
