"""The one real connection of an owner: a held client that carries requests of others, and hands on every update.

It has no event handlers of its own. Updates pass Telethon's own message box, which puts them in order and fetches what
is missing; whatever the box lets through goes to ``tap``, once, in order.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

from telethon import errors, functions, types
from telethon._updates.messagebox import GapError

from telekeep.errors import StorageUnavailable, TelegramRateLimitError, TelekeepError
from telekeep.pace.gate import Gate
from telekeep.session.model import PeerKind, Session, UpdateState
from telekeep.upstream import progress, relay
from telekeep.upstream.box import OwnerBox
from telekeep.upstream.calling import at_once
from telekeep.upstream.devices import Devices, devices
from telekeep.upstream.faults import DEAD, another, named
from telekeep.upstream.held import HeldClient
from telekeep.upstream.relay import RpcFailure
from telekeep.upstream.sender import HeldSender

_ASKED_SECONDS = 1.0  # until nobody waits any longer for what another client has asked
_LEAST_SECONDS = 60.0  # that a configuration is good for

Tap = Callable[[list[Any], list[Any], list[Any]], None]
"""Updates in order, and the users and chats they came with."""

_DIFFERENCES = (functions.updates.GetDifferenceRequest, functions.updates.GetChannelDifferenceRequest)


class OwnedSender(relay.Relaying, HeldSender):
    """The sender of an owner's main connection. ``on_lost``: called when the line is lost, before it is made anew."""

    on_lost: Callable[[], None]

    async def _reconnect(self, error: Any) -> None:
        self.on_lost()
        await super()._reconnect(error)


class OwnedClient(HeldClient):
    """See the module. Made by `telekeep.upstream.held.held_client` with ``kind=OwnedClient``.

    ``tap`` is called from the event loop. ``resumed(state)``: where the message box begins, if not with what is kept.
    ``save_progress(state, fence)`` writes the update state in the record's place. ``ended`` is called when the
    connection has ended and the lease is given back; ``last_error`` says why, None if that was by choice.
    """

    tap: Tap | None = None
    resumed: Callable[[UpdateState], UpdateState] | None = None
    save_progress: Callable[[UpdateState | None, int], None] | None = None
    ended: Callable[[], None] | None = None
    last_error: Exception | None = None
    _config_asked: ClassVar[asyncio.Future[None] | None] = None  # while one of a network's clients asks for all of them
    _config_until: ClassVar[float] = 0.0  # boot seconds
    _sender_kind = OwnedSender

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        relay.cut_exactly()
        self._message_box = OwnerBox(self._log["messagebox"])
        self._message_box.knows = self._knows
        self._message_box.hash_of = partial(self.hash_of, PeerKind.CHANNEL)
        self._message_box.left = self._seconds_left
        self._shown: set[tuple[PeerKind, int]] = set()  # those that updates came with; older releases keep few of them
        self._relayed: set[relay.Opaque] = set()  # those that have not ended

    # ---- calls of others

    def carry(self, body: bytes, on_end: relay.OnEnd, *, repeatable: bool, at_once: bool = False) -> None:
        """Send a request to the home data center; ``at_once``, or with others of this turn of the event loop.

        It ends with the bytes of the result, RpcFailure, MaybeDone if the line was lost and it is not ``repeatable``,
        or what ended the connection. Raises TelegramNetworkError or ConnectionError if there is none.
        """
        self._held_now()
        request = relay.Opaque(body, on_end, repeatable=repeatable, among=self._relayed)
        relay.send(self._sender, request, at_once=at_once)

    async def carry_to(self, dc_id: int, body: bytes, on_end: relay.OnEnd, *, repeatable: bool) -> None:
        """The same for another data center, where a connection is made first if there is none."""
        ended = asyncio.get_running_loop().create_future()

        def end(result: bytes | None, error: BaseException | None) -> None:
            on_end(result, error)
            if not ended.done():
                ended.set_result(None)

        try:
            sender = await self._exported(dc_id)
        except Exception as error:
            on_end(None, error)
            return
        try:
            relay.send(sender, relay.Opaque(body, end, repeatable=repeatable, among=self._relayed))
            await ended
        except ConnectionError as error:
            on_end(None, error)
        finally:
            await self._return_exported_sender(sender)

    async def _exported(self, dc_id: int) -> Any:
        sender = await self._borrow_exported_sender(dc_id)
        return sender if isinstance(sender, relay.Relaying) else relay.adopt(sender, self._on_exported_failure)

    def _new_sender(self) -> Any:
        sender = relay.adopt(super()._new_sender(), self._on_failure)
        sender.on_lost = self._message_box.line_lost
        return sender

    def _on_failure(self, failure: RpcFailure) -> None:
        error = errors.rpc_message_to_error(types.RpcError(failure.code, failure.text), None)
        if type(error) in DEAD and self._hold is not None:
            self._hold.line.end(partial(another, error))

    def _on_exported_failure(self, failure: RpcFailure) -> None:
        if failure.text == "AUTH_KEY_DUPLICATED":
            self._on_failure(failure)

    def answered(self) -> None:
        """Telegram accepted a relayed request: the session is in use."""
        if self._hold is not None:
            self._hold.record.used()

    # ---- updates

    def feed(self, updates: Any) -> None:
        """Let the message box judge updates that came as the result of a relayed request."""
        self._updates_queue.put_nowait(updates)

    def write_back(self) -> None:
        """Write down what is known now, as is done every few seconds."""
        if self._hold is not None and self._hold.closing is None:
            self._write(self._hold)

    @property
    def has_more(self) -> bool:
        """Whether further updates have come in, and will be tapped next."""
        return not self._updates_queue.empty()

    def _preprocess_updates(self, updates: Any, users: Any, chats: Any) -> Any:
        noted = super()._preprocess_updates(updates, users, chats)
        if inspect.isawaitable(noted):
            return self._tapped(noted, updates, users, chats)
        self._met_and_tapped(updates, users, chats)
        for each in self._behind():
            super()._preprocess_updates(*each)
            self._met_and_tapped(*each)
        return []

    def _met_and_tapped(self, updates: Any, users: Any, chats: Any) -> None:
        """These releases of Telethon tell the session once a minute whom they have met."""
        self.session.process_entities(types.contacts.ResolvedPeer(None, users, chats))
        self._tap_now(updates, users, chats)

    async def _tapped(self, noted: Any, updates: Any, users: Any, chats: Any) -> list[Any]:
        await noted
        self._tap_now(updates, users, chats)
        for each in self._behind():
            await super()._preprocess_updates(*each)
            self._tap_now(*each)
        return []

    def _behind(self) -> Iterator[tuple[list[Any], Any, Any]]:
        """What has come in behind, as the message box lets it through: Telethon would take several turns for each."""
        box, queue = self._message_box, self._updates_queue
        while not queue.empty() and not box.getting_diff_for:
            found: list[Any] = []
            try:
                users, chats = box.process_updates(queue.get_nowait(), self._mb_entity_cache, found)
            except GapError:
                return  # Telethon's loop goes on, and asks for what is missing
            yield found, users, chats

    async def _call(self, sender: Any, request: Any, *args: Any, **options: Any) -> Any:
        """A difference waits for nothing here: until it may be asked for, the message box lets the rest through."""
        if not isinstance(request, _DIFFERENCES):
            return await super()._call(sender, request, *args, **options)
        try:
            with at_once():
                return await super()._call(sender, request, *args, **options)
        except TelegramRateLimitError:
            self._message_box.told_to_wait()
            raise

    def _seconds_left(self, method: str) -> float:
        """Seconds until Telegram may be asked, as the ledger says; where it cannot be read, the call itself says so."""
        try:
            closed = None if self.gate.is_quiet else self.gate.closed(method)
        except StorageUnavailable:
            return 0.0
        return closed.seconds if closed is not None else 0.0

    def _knows(self, kind: PeerKind, number: int) -> bool:
        return (kind, number) in self._shown or self.session.peer(kind, number) is not None

    def note(self, users: list[Any], chats: list[Any], channels: Mapping[int, int]) -> None:
        """What a relayed result says: who there is, and where channels stand that the account is in."""
        self.session.process_entities(types.contacts.ResolvedPeer(None, users, chats))
        self._mb_entity_cache.extend(users, chats)
        for channel, pts in channels.items():
            self._message_box.follow(channel, pts)

    def _tap_now(self, updates: Any, users: Any, chats: Any) -> None:
        self._shown.update((PeerKind.USER, each.id) for each in users if not getattr(each, "min", False))
        self._shown.update((PeerKind.CHAT, each.id) for each in chats if isinstance(each, types.Chat))
        if self.tap is not None:
            self.tap(list(updates), list(users), list(chats))

    async def ask_own_user(self) -> Any:
        """Ask Telegram who we are, now. Raises what it answers, or that no connection is there, by telekeep's names; a
        flood wait at once.
        """
        try:
            with at_once():
                return await self._ask_own_user()
        except TelekeepError:
            raise
        except Exception as error:
            raise named(error, clock=self._terms.clock) from error

    async def ask_devices(self) -> Devices:
        """Ask Telegram who is logged in to this account. Raises as `ask_own_user`."""
        with at_once():
            return await devices(self, clock=self._terms.clock)

    @property
    def box(self) -> Any:
        """The message box (`telekeep.upstream.box`)."""
        return self._message_box

    # ---- what a gateway must know

    def _begin(self, lease: Any) -> Any:
        hold = super()._begin(lease)
        hold.record.save_progress = self.save_progress
        if hold.record.state is not None and self.resumed is not None:
            hold.record.state = self.resumed(hold.record.state)
        return hold

    def update_state(self) -> UpdateState | None:
        """Where the message box stands."""
        return progress.box_seen(None, *self._message_box.session_state())

    @property
    def self_id(self) -> int | None:
        """Our own user's id."""
        found: int | None = self._self_id
        return found

    @property
    def is_on_line(self) -> bool:
        """Whether there is a connection at this moment; a lost one is being made anew."""
        return self._hold is not None and bool(self._sender._transport_connected())

    @property
    def gate(self) -> Gate:
        """What is known about waiting (`telekeep.pace.gate`)."""
        return self._patience.gate

    @property
    def kept_session(self) -> Session:
        """The session as it is kept: key, home data center, user, update state."""
        return self._kept.session

    def hash_of(self, kind: PeerKind, number: int) -> int | None:
        """The access hash of a user or channel for this authorization; None if it is not known."""
        found = self.session.peer(kind, number)
        return found.access_hash if found is not None else None

    async def configuration(self) -> Any:
        """Telegram's ``config`` (help.getConfig), asked once for all sessions of a network until it has expired.

        It is good for as long as Telegram says after it came, whatever our clock makes of its dates.
        """
        kind, loop, clock = type(self), asyncio.get_running_loop(), self._terms.clock
        while kind._config is None or clock.boot() >= kind._config_until:
            asked = kind._config_asked
            if asked is not None and not asked.done() and asked.get_loop() is loop:
                await asyncio.wait([asked], timeout=_ASKED_SECONDS)
                if asked.done():
                    continue
            asked = kind._config_asked = loop.create_future()
            try:
                kind._config = await self(functions.help.GetConfigRequest())
                good = (kind._config.expires - kind._config.date).total_seconds()
                kind._config_until = clock.boot() + max(_LEAST_SECONDS, good)
            finally:
                asked.set_result(None)
        return kind._config

    async def own_user(self) -> Any:
        """The account's own ``user``, as Telegram told it when this client connected; asked for again after that."""
        proof, self._proof = self._proof, None
        return proof or await self._ask_own_user()

    async def _ask_own_user(self) -> Any:
        return (await self(functions.users.GetUsersRequest([types.InputUserSelf()])))[0]

    @property
    def is_held(self) -> bool:
        """Whether the lease is ours: from connecting until the connection has ended."""
        return self._hold is not None

    def _give_back(self, hold: Any) -> None:
        self.last_error = hold.error
        try:
            super()._give_back(hold)
        finally:
            for request in tuple(self._relayed):
                request.end(None, hold.error or ConnectionError("the session was let go"))
            if self.ended is not None:
                self.ended()
