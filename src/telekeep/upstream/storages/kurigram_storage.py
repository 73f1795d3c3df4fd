"""A kurigram storage over the vault, for programs that make their own ``pyrogram.Client``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn
from weakref import ReferenceType, ref

from pyrogram import Client, raw
from pyrogram.storage import Storage, UpdateState

from telekeep.errors import ConfigError, NeedsLogin, SessionBusy
from telekeep.session.model import Peer, PeerKind
from telekeep.session.model import UpdateState as State
from telekeep.session.network import TEST, Network
from telekeep.upstream import endpoints
from telekeep.upstream.cast import marked, unmarked
from telekeep.upstream.record import Record
from telekeep.upstream.storages.asker import asker, unknown
from telekeep.upstream.storages.held_record import HeldRecord, refuse_copy
from telekeep.upstream.storages.kurigram_guard import guarded, stop

_ASKED: Any = object  # what kurigram passes where it asks for a value instead of setting one
_ACCOUNT = 0


class VaultStorage(Storage):  # type: ignore[misc]  # kurigram is looked at as it is found
    """The session kept as ``name``, for ``Client("main", storage_engine=VaultStorage("main"))``.

    The lease is taken when the client starts and given back when it stops. In between it is asked before each packet
    that leaves, to every data center: when kurigram opens its storage, the connection class of that client (its public
    ``connection_factory``) is exchanged for one that asks. If the lease is lost, or the key is set aside as dead, every
    connection is cut off, calls raise SessionConflict with the reason, and the client connects no more; kurigram itself
    tries again after any ConnectionError, so it cannot be a LeaseLost. A call that is under way then is told a second
    later, as kurigram pauses before it tries again.

    The key cannot be replaced through this: a login is made with ``telekeep auth``. One client at a time; not to be
    copied or pickled. Floods are not noted, nor is a login that Telegram has ended: use `telekeep.client` for that, or
    a loan. ``home``, ``network``: as in `telekeep.client`.
    """

    def __init__(self, name: str, *, home: Path | str | None = None, network: Network | str | None = None) -> None:
        self.name = name
        self._held = HeldRecord(name, home=home, network=network, on_end=self._stop, on_close=self._forget)
        self._client: ReferenceType[Any] | None = None
        self._date = 0
        self._api_id: int | None = None

    def __reduce__(self) -> NoReturn:
        refuse_copy(self)

    async def open(self) -> None:
        """Take the lease. Raises what `HeldRecord.open` does, and NeedsLogin if nobody is known to be logged in:
        kurigram would make a new key. SessionBusy if another client of this program speaks over this storage,
        ConfigError unless it is a kurigram client that opens it as its own storage: only that can be made to ask.
        """
        client, _ = asker(self, sys._getframe(1))
        factory = getattr(client, "connection_factory", None)
        if not isinstance(client, Client) or client.storage is not self or not isinstance(factory, type):
            how = f"Client(…, storage_engine=VaultStorage({self.name!r})), whose connection_factory must be a class"
            raise unknown(self, self.name, given=how)
        if self._client is not None and self._client() not in (None, client):
            raise SessionBusy(
                f"Another client of this program speaks over this VaultStorage of {self.name!r}.",
                remedy="Use that client, or stop it first.",
            )
        record = self._held.open()
        if record.user is None:
            self._held.close()
            raise NeedsLogin(
                f"It is not known whose session {self.name!r} is.", remedy=f"Use it once: telekeep test {self.name}"
            )
        application = record.session.application
        self._api_id = application.api_id if application else None
        self._home = endpoints.home_of(record.session, self._held.network)
        self._client = ref(client)
        client.connection_factory = guarded(factory, lambda: self._held.line)
        client.ipv6 = endpoints.is_ipv6(self._home)  # or kurigram would look for an address of its own instead
        self._held.watch()

    async def save(self) -> None:
        if (record := self._held.record) is not None:
            record.used()
            self._held.write()

    async def close(self) -> None:
        self._held.close()

    async def delete(self) -> None:
        """kurigram calls this after ``log_out``: the record is set aside, so that nobody uses its key."""
        self._held.set_aside()

    @property
    def _record(self) -> Record:
        record = self._held.record
        if record is None:
            raise NeedsLogin(f"{self.name!r} is not held.", remedy="Start the client first.")
        return record

    def _stop(self, error: Exception) -> None:
        client = self._client() if self._client is not None else None
        if client is not None:
            stop(client)

    def _forget(self) -> None:
        self._client = None

    # ---- who and where

    async def dc_id(self, value: Any = _ASKED) -> Any:
        return self._fixed("the data center", self._record.session.dc.id, value)

    async def server_address(self, value: Any = _ASKED) -> Any:
        return self._fixed("the address", self._record and self._home.host, value)

    async def port(self, value: Any = _ASKED) -> Any:
        return self._fixed("the port", self._record and self._home.port, value)

    async def test_mode(self, value: Any = _ASKED) -> Any:
        return self._fixed("the network", self._record.session.network == TEST.name, value)

    async def auth_key(self, value: Any = _ASKED) -> Any:
        return self._fixed("the key", self._record.session.auth_key.reveal(), value)

    async def user_id(self, value: Any = _ASKED) -> Any:
        user = self._record.user
        return self._fixed("the user", user.id if user else None, value)

    async def is_bot(self, value: Any = _ASKED) -> Any:
        user = self._record.user
        return self._fixed("the user", bool(user and user.is_bot), value)

    async def api_id(self, value: Any = _ASKED) -> Any:
        if value is not _ASKED:
            self._api_id = value
        return self._api_id

    async def date(self, value: Any = _ASKED) -> Any:
        if value is not _ASKED:
            self._date = value
        return self._date

    async def version(self, value: Any = _ASKED) -> Any:
        return 7

    def _fixed(self, what: str, kept: Any, value: Any) -> Any:
        if value is _ASKED or value == kept:
            return kept
        raise ConfigError(
            f"{what.capitalize()} of the kept session {self.name!r} cannot be changed by a program.",
            remedy=f"Log in anew: telekeep auth {self.name} --replace",
        )

    # ---- peers

    async def update_peers(self, peers: Iterable[tuple[int, int, str, str | None]]) -> None:
        if self._held.record is None:  # what still comes in after the end is not noted
            return
        for number, access_hash, _, phone in peers:
            kind, bare_id = unmarked(number)
            known = None if kind is PeerKind.CHAT else access_hash or None
            self._record.cast.meet(Peer(kind, bare_id, known, None, phone))

    async def update_usernames(self, usernames: Iterable[tuple[int, list[str | None]]]) -> None:
        if self._held.record is None:
            return
        for number, names in usernames:
            kind, bare_id = unmarked(number)
            if name := next((each for each in names if each), None):
                self._record.cast.meet(Peer(kind, bare_id, None, name))

    async def get_peer_by_id(self, peer_id: int) -> Any:
        return _input_peer(self._record.cast.by_id(peer_id), peer_id)

    async def get_peer_by_username(self, username: str) -> Any:
        return _input_peer(self._record.cast.by_username(username), username)

    async def get_peer_by_phone_number(self, phone_number: str) -> Any:
        return _input_peer(self._record.cast.by_phone(phone_number), phone_number)

    # ---- update state

    async def get_update_states(self, ids: int | Iterable[int] | None = None) -> list[Any]:
        state = self._record.state
        if state is None:
            return []
        states = [UpdateState(_ACCOUNT, state.pts, state.qts, state.date, state.seq)]
        for channel, pts in state.channels.items():
            states.append(UpdateState(marked(Peer(PeerKind.CHANNEL, channel)), pts, None, None, None))
        wanted = None if ids is None else {ids} if isinstance(ids, int) else set(ids)
        return [each for each in states if wanted is None or each.id in wanted]

    async def set_update_state(self, update_state: Any) -> None:
        if self._held.record is None:
            return
        for told in [update_state] if isinstance(update_state, UpdateState) else list(update_state):
            self._record.state = _seen(self._record.state, told)

    async def delete_update_state(self, state_id: int | Iterable[int]) -> None:
        gone = {unmarked(each)[1] for each in ([state_id] if isinstance(state_id, int) else state_id) if each}
        if self._held.record is not None and (state := self._record.state):
            left = {channel: pts for channel, pts in state.channels.items() if channel not in gone}
            self._record.state = State(state.pts, state.qts, state.date, state.seq, left)


def _seen(known: State | None, told: Any) -> State | None:
    """What is known after kurigram said ``told``; what it leaves out (None) stays."""
    if told.id == _ACCOUNT:
        if not told.pts and known is None:
            return None
        news = {each: value for each in _FIELDS if (value := getattr(told, each)) is not None}
        return replace(known or State(0, 0, 0, 0), **news)
    kind, channel = unmarked(told.id)
    if known is None or kind is not PeerKind.CHANNEL or not told.pts:
        return known
    return State(known.pts, known.qts, known.date, known.seq, {**known.channels, channel: told.pts})


_FIELDS = ("pts", "qts", "date", "seq")


def _input_peer(peer: Peer | None, asked: Any) -> Any:
    """The peer as kurigram sends it. Raises KeyError, as its own storages do."""
    if peer is None or (peer.access_hash is None and peer.kind is not PeerKind.CHAT):
        raise KeyError(f"Peer not found: {asked}")
    match peer.kind:
        case PeerKind.USER:
            return raw.types.InputPeerUser(user_id=peer.id, access_hash=peer.access_hash)
        case PeerKind.CHAT:
            return raw.types.InputPeerChat(chat_id=peer.id)
        case PeerKind.CHANNEL:
            return raw.types.InputPeerChannel(channel_id=peer.id, access_hash=peer.access_hash)
