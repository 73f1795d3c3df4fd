"""A stock `telethon.TelegramClient` that holds the lease on its key for as long as it is connected.

`HeldClient.connect` takes the lease (waiting for it), reads the record under it, connects and asks Telegram whether the
login stands; only then does it return. `disconnect` closes every connection, writes what changed, and only then gives
the lease back. In between every packet passes the `Line`. A forked child has no part in any of this: what it inherits
neither sends nor keeps a connection open (`telekeep.upstream.unshared`).

Before each request the ledger of flood waits is asked (`telekeep.upstream.patience`): a short wait is waited out in the
open, a long one raises FloodWait, and Telegram is not asked. Nothing here ever prompts or asks for a code; calls raise
Telethon's own errors, and ours where the connection or the lease is lost.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from functools import cache, partial
from typing import Any

from telethon import errors
from telethon.crypto import AuthKey as TelethonKey

from telekeep.errors import ConfigError, NeedsLogin, SessionCorrupt, TelegramNetworkError, TelekeepError
from telekeep.events import LeaseTaken
from telekeep.lease.lease import Lease
from telekeep.pace.gate import Gate
from telekeep.session.network import Network
from telekeep.upstream import circuit, endpoints
from telekeep.upstream.calling import Calling
from telekeep.upstream.faults import DEAD, another, named
from telekeep.upstream.giving_way import GivingWay
from telekeep.upstream.guarded import ConnectionGuarded
from telekeep.upstream.holding import Holding, Terms, take
from telekeep.upstream.incoming import Incoming
from telekeep.upstream.letting_go import LettingGo
from telekeep.upstream.line import Line
from telekeep.upstream.loggers import Loggers
from telekeep.upstream.patience import Patience
from telekeep.upstream.record import Kept, Record
from telekeep.upstream.sender import WHO_WE_ARE, HeldSender
from telekeep.upstream.subject import subject_of
from telekeep.upstream.unshared import refusal
from telekeep.upstream.writeback import VaultSession

FLUSH_SECONDS = 3.0


class HeldClient(GivingWay, Calling, LettingGo):
    """See the module. Made by `held_client`, and otherwise stock: every method, the event handlers, telethon.sync."""

    _terms: Terms
    _kept: Kept
    _hold: Holding | None = None
    _patience: Patience
    _authorized: bool | None  # Telethon's own
    _proof: Any = None  # who Telegram said we are, when it was asked at the start
    _sender_kind: type[HeldSender] = HeldSender

    def __init__(self, session: Any, api_id: int, api_hash: str, **options: Any) -> None:
        super().__init__(session, api_id, api_hash, **{**options, "connection": ConnectionGuarded})
        self._log = Loggers(options.get("base_logger"), self._line)
        self._updates_queue = Incoming()
        self._sender._handlers.clear()  # it is never used, and gone at once without this knot
        self._turn = asyncio.Lock()  # one connects at a time

    # ---- the public methods that differ

    def connect(self) -> Any:
        """Take the lease, connect, and make sure that we are logged in. Connected already: nothing happens.

        Raises SessionBusy if another process holds the session for longer than ``timeout``, SessionNotFound and what
        else the vault says, a TelegramAuthError (AuthKeyRevoked, AuthKeyDuplicated, …) if the login is over, FloodWait,
        TelegramNetworkError, ConfigError. Whatever is raised, the lease has been given back.
        """
        return self._as_wanted(self._connect_held())

    def start(self, *_args: Any, bot_token: str | None = None, **_options: Any) -> Any:
        """Connect, and return this client. Never prompts and never asks for a code: the session is logged in, or this
        raises what `connect` raises. A phone number and the like are not needed; a token of another bot is refused.
        """
        return self._as_wanted(self._start_held(bot_token), always=True)

    @property
    def fence(self) -> int:
        """The fencing token we hold the session under. Raises TelegramNetworkError if it is not held."""
        return self._held_now().lease.fence

    # ---- connecting

    async def _start_held(self, bot_token: str | None) -> HeldClient:
        await self._connect_held()
        if bot_token and bot_token.partition(":")[0] != str(self._self_id):
            await self.disconnect()
            raise ConfigError(
                f"This bot token is not that of the kept session {self._terms.name!r}.",
                remedy="Open the bot's own session, or leave the token away: a kept session needs none.",
            )
        return self

    async def _connect_held(self) -> None:
        if self.session is None:
            raise NeedsLogin("This client has logged out.", remedy="Log in again: telekeep auth NAME")
        self._check_place()
        async with self._turn:
            if self._hold is not None:
                if self.is_connected() and self._hold.closing is None:
                    return
                await self._close(self._hold)
            await self._patience.obey(WHO_WE_ARE, 0.0)
            circuit.check(self._terms, self._kept.session.auth_key.id)
            lease, self._kept = await take(self._terms, self._kept)
            try:
                is_suspect = circuit.check(self._terms, self._kept.session.auth_key.id)
                self._hold = hold = self._begin(lease)
            except BaseException:
                lease.release()
                raise
            try:
                async with asyncio.timeout(self._terms.connect_seconds):
                    with hold.line.call():
                        await super().connect()
                        await self._prove(hold)
                        if is_suspect:
                            circuit.acquit(self._terms, hold.record.session.auth_key.id)
                        self._sender.introduction = None
            except BaseException as error:
                refused = refusal(self._sender)
                if isinstance(error, Exception) and type(error) in DEAD:
                    hold.line.end(partial(another, error))
                await self._close(hold)
                if isinstance(error, Exception):
                    raise self._told(hold.error or refused or error) from error
                raise
            self._sender.disconnected.add_done_callback(self._on_disconnected)
            self._write_back_later(hold)
            self._mind_the_exit()

    def _begin(self, lease: Lease) -> Holding:
        terms, session = self._terms, self._kept.session
        record = Record(terms.name, self._kept, vault=terms.vault, lease=lease, clock=terms.clock, events=terms.events)
        record.notes_uses = not terms.brief
        hold = Holding(terms, lease, Line(lease, lambda error: self._on_line_ended(hold, error)), record)
        home = endpoints.home_of(session, terms.network)
        self.session.open(record, home)
        self._use_ipv6 = endpoints.is_ipv6(home)  # or Telethon would take an address of its own instead
        self._authorized = None
        self._sender = self._new_sender()
        terms.events.report(LeaseTaken(terms.name, terms.clock.wall(), lease.fence))
        return hold

    def _new_sender(self) -> Any:
        """A sender of this holding's own: an old one could still hold packets of an earlier one."""
        sender = self._sender_kind(
            TelethonKey(self.session.auth_key.key),
            loggers=self._log,
            retries=self._connection_retries,
            delay=self._retry_delay,
            auto_reconnect=self._auto_reconnect,
            connect_timeout=self._timeout,
            auth_key_callback=self._auth_key_callback,
            updates_queue=self._updates_queue,
            auto_reconnect_callback=self._handle_auto_reconnect,
        )
        sender.on_new_session = self._on_new_session
        return sender

    async def _prove(self, hold: Holding) -> None:
        """Ask Telegram who we are: the one request that says whether the login stands, whatever Telethon remembers."""
        if not self._authorized:  # Telethon has asked itself if no update state was known
            users = await self(WHO_WE_ARE)
            if not users:
                raise NeedsLogin()
            self._authorized, self._proof = True, users[0]
            self._mb_entity_cache.set_self_user(users[0].id, users[0].bot, users[0].access_hash)
        kept = hold.record.session.user
        if kept is not None and kept.id != self._self_id:
            raise SessionCorrupt(
                f"The session {self._terms.name!r} is kept as user {kept.id}, but its key is that of {self._self_id}."
            )
        hold.record.used()

    # ---- other data centers

    async def _borrow_exported_sender(self, dc_id: int) -> Any:
        with self._line().call():
            return await super()._borrow_exported_sender(dc_id)

    async def _get_dc(self, dc_id: int, cdn: bool = False) -> Any:
        if cdn or endpoints.is_telegrams(self._terms.network):
            return await super()._get_dc(dc_id, cdn=cdn)
        return endpoints.option(self._terms.network, dc_id)

    async def _switch_dc(self, new_dc: int) -> Any:
        """Telethon would throw the key away and log in anew. The key of a kept session is not thrown away."""
        raise errors.UserMigrateError(request=None, capture=new_dc)

    # ---- updates

    async def _handle_auto_reconnect(self) -> None:
        if self._catch_up:
            await self.catch_up()  # asks for the difference, which also tells Telegram that we listen again
        else:
            await super()._handle_auto_reconnect()

    async def _on_new_session(self, sender: Any) -> None:
        """Telegram began a new session on its side. If not because we did, updates may be lost, and are fetched."""
        hold = self._hold
        if hold is None:
            return
        if hold.announced == sender._state.id and self._catch_up:
            await self.catch_up()
        hold.announced = sender._state.id

    # ---- writing back

    def _write_back_later(self, hold: Holding) -> None:
        hold.writing = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._write_back, hold)

    def _write_back(self, hold: Holding) -> None:
        self._write_back_later(hold)
        self._write(hold)

    def _write(self, hold: Holding) -> None:
        self.session.see_box(*self._message_box.session_state())
        hold.write()

    # ---- small things

    def _held_now(self) -> Holding:
        if self._hold is None:
            raise TelegramNetworkError("Not connected.", remedy="Call connect() first, or use `async with client`.")
        self._check_place()
        return self._hold

    def _check_place(self) -> None:
        """Make sure that whoever calls is where the client was connected: a call made elsewhere would never end.

        Raises LeaseLost in a forked child of a process that holds the session, RuntimeError (as Telethon does) in
        another event loop.
        """
        if self._hold is not None:
            self._hold.line.check_ours()
        if self._loop not in (None, asyncio.get_running_loop()):
            raise RuntimeError(
                "The asyncio event loop must not change after connection: this client was connected in another one. "
                "Hand it the call with asyncio.run_coroutine_threadsafe, or make a client for each loop."
            )

    def _line(self) -> Line:
        return self._held_now().line

    def _told(self, error: Exception) -> TelekeepError:
        if isinstance(error, TimeoutError) and not error.args:
            return TelegramNetworkError(
                f"Timeout connecting to Telegram: no answer within {self._terms.connect_seconds:g} s.",
                remedy="Please try again: check the connection, try another network, or wait some minutes.",
            )
        return named(error, clock=self._terms.clock)

    def _as_wanted(self, coroutine: Coroutine[Any, Any, Any], *, always: bool = False) -> Any:
        """A coroutine to await, or its result where Telethon would run the loop itself (telethon.sync)."""
        if self.loop.is_running() or not (always or "telethon.sync" in sys.modules):
            return coroutine
        return self.loop.run_until_complete(coroutine)


@cache
def _client_class(kind: Any, network: Network) -> Any:
    """A class per network: Telethon caches a network's addresses on the class."""
    return type(kind.__name__, (kind,), {"_config": None, "_cdn_config": None, "__module__": kind.__module__})


def held_client(terms: Terms, kept: Kept, *, api_id: int, api_hash: str, kind: Any = HeldClient, **options: Any) -> Any:
    """A client that holds what is ``kept`` under ``terms``, not connected yet; of a ``kind`` of its own if need be.

    ``options`` are those of `telethon.TelegramClient`, without ``session`` and ``connection``. They default to what
    suits a program that nobody watches: no silent waits for a flood, errors as Telegram gave them, catching up.
    ``flood_sleep_threshold``: seconds of a flood wait that are waited out, by default what ``terms`` say.
    """
    endpoints.trust(terms.network)
    home = endpoints.home_of(kept.session, terms.network)
    chosen = {
        "device_model": "telekeep",
        "use_ipv6": endpoints.is_ipv6(home),
        "catch_up": True,
        "flood_sleep_threshold": terms.patience,
        "request_retries": 3,
        "raise_last_call_error": True,
        **options,
    }
    follows = chosen.get("receive_updates", True)
    chosen["catch_up"] = chosen["catch_up"] and follows  # Telethon would fetch what it then throws away
    client = _client_class(kind, terms.network)(VaultSession(home, follows=follows), api_id, api_hash, **chosen)
    client._terms, client._kept = terms, kept
    gate = Gate(terms.ledger, subject_of(terms.network, kept.session), who=terms.name, clock=terms.clock)
    client._patience = Patience(gate, name=terms.name, clock=terms.clock, events=terms.events)
    return client
