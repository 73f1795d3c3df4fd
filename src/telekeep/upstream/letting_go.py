"""How a held client lets its session go: by choice, because the line has ended, or because the process does.

Every connection is closed, what changed is written, and only then is the lease given back.
"""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from inspect import CORO_CREATED, getcoroutinestate
from typing import Any
from weakref import WeakSet

from telethon import functions
from telethon.crypto import AuthKey as TelethonKey
from telethon.network import MTProtoSender
from telethon.tl.alltlobjects import LAYER

from telekeep.borrow.dispatch import Dispatching
from telekeep.errors import TelegramNetworkError
from telekeep.upstream import circuit
from telekeep.upstream.faults import DEAD
from telekeep.upstream.guarded import ConnectionGuarded
from telekeep.upstream.holding import Holding, Terms
from telekeep.upstream.line import Line
from telekeep.upstream.loggers import Loggers
from telekeep.upstream.record import Kept
from telekeep.upstream.sender import WHO_WE_ARE

GRACE_SECONDS = 8.0  # for closing politely; what is still open then is dropped
DISCONNECT_SECONDS = 10.0


class LettingGo(Dispatching):
    """A part of `telekeep.upstream.held.HeldClient`."""

    _terms: Terms
    _kept: Kept
    _hold: Holding | None
    _check_place: Callable[[], None]

    def _on_line_ended(self, hold: Holding, error: Exception) -> None:
        """Nothing may be sent any more: stop Telethon from reconnecting, drop what waits to be sent if we have lost the
        right to send it, and close in the background.
        """
        for sender in (self._sender, *(sender for _, sender in self._borrowed_senders.values())):
            sender._user_connected = False
        if hold.closing is None:
            hold.error = error
            hold.line.abort()
            hold.closing = asyncio.get_running_loop().create_task(self._close_held(hold))

    def _on_disconnected(self, disconnected: Any) -> None:
        look_at(disconnected)
        hold = self._hold
        if hold is not None and hold.closing is None and not hold.line.is_inherited():
            hold.closing = disconnected.get_loop().create_task(self._close_held(hold))

    async def _disconnect_coro(self) -> None:
        """In a forked child nothing happens: it is not connected, and its parent stays so."""
        hold = self._hold
        if hold is None or hold.line.is_inherited():
            return
        if self._loop is not None and self._loop.is_closed():  # nothing of it can be waited for any more
            hold.line.seal(_disconnected)
            hold.line.abort()
            self._give_back(hold)
            return
        self._check_place()
        await self._close(hold)

    async def _close(self, hold: Holding) -> None:
        if hold.closing is None:
            hold.closing = asyncio.create_task(self._close_held(hold))
        await asyncio.shield(hold.closing)

    async def _close_held(self, hold: Holding) -> None:
        """Close every connection, write, give the lease back: in this order, and within ten seconds."""
        if hold.writing is not None:
            hold.writing.cancel()
        for task in tuple(self._event_handler_tasks):
            if getcoroutinestate(task.get_coro()) != CORO_CREATED:  # its update is counted, and never comes again:
                task.cancel()  # one that was just created begins first, and Telethon ends it
        hold.line.end(_disconnected)
        try:
            polite = asyncio.create_task(self._close_politely(hold))
            _, slow = await asyncio.wait([polite], timeout=GRACE_SECONDS)
            if slow:
                hold.line.abort()
                await asyncio.wait([polite], timeout=DISCONNECT_SECONDS - GRACE_SECONDS - 0.5)
                polite.cancel()
        finally:
            hold.line.abort()
            try:
                await asyncio.sleep(0)  # asyncio closes the sockets one turn later
                if hold.error is not None and type(hold.error) in DEAD:
                    key_id, ask = hold.record.session.auth_key.id, partial(self._ask_again, hold)
                    hold.error = await circuit.judge(self._terms, hold.lease, key_id, hold.error, ask)
            finally:
                self._give_back(hold)

    async def _close_politely(self, hold: Holding) -> None:
        with suppress(Exception):
            if hold.error is not None:
                await self._sender._disconnect(error=hold.error)
            await super()._disconnect_coro()
            look_at(self._sender.disconnected)

    def _give_back(self, hold: Holding) -> None:
        try:
            self.session.see_box(*self._message_box.session_state())
            hold.give_back()
        finally:
            self.session.forget()
            self._sender.auth_key.key = None
            self._hold = None
            _open_clients.discard(self)

    def _mind_the_exit(self) -> None:
        """From now on, until it is let go, the session is let go when the process ends, too."""
        _open_clients.add(self)
        _watch_the_exit()

    async def _ask_again(self, hold: Holding) -> None:
        """Ask Telegram who we are over a connection of its own, when every other is closed."""
        line = Line(hold.lease, lambda error: None)
        loggers = Loggers("telethon", lambda: line)
        key, session = TelethonKey(self._kept.session.auth_key.reveal()), self.session
        sender = MTProtoSender(
            key, loggers=loggers, retries=1, delay=0, auto_reconnect=False, connect_timeout=self._timeout,
            updates_queue=asyncio.Queue(),
        )  # fmt: skip
        try:
            await sender.connect(
                ConnectionGuarded(
                    session.server_address, session.port, session.dc_id, loggers=loggers, proxy=self._proxy
                )
            )
            self._init_request.query = WHO_WE_ARE
            await sender.send(functions.InvokeWithLayerRequest(LAYER, self._init_request))
        finally:
            line.seal(_disconnected)
            await sender.disconnect()
            look_at(sender.disconnected)
            line.abort()


def _disconnected() -> TelegramNetworkError:
    return TelegramNetworkError("Disconnected.")


def look_at(ended: asyncio.Future[Any]) -> None:
    """Whoever waits for this future is told by it; that nobody does is no reason for asyncio to complain."""
    if ended.done() and not ended.cancelled():
        ended.exception()


_open_clients: WeakSet[LettingGo] = WeakSet()


@cache
def _watch_the_exit() -> None:
    """Called when a lease is held for the first time."""
    atexit.register(_at_exit)


def _at_exit() -> None:
    """Write what clients know that nobody disconnected, and close their lines.

    Ended first: a client in a daemon thread goes on running, and would connect again.
    """
    for client in tuple(_open_clients):
        hold = client._hold
        if hold is None or hold.line.is_inherited():
            continue
        hold.line.seal(_disconnected)
        with suppress(Exception):
            client.session.see_box(*client._message_box.session_state())
            hold.write(finish=True)
        hold.line.abort()
