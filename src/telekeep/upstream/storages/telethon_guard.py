"""How a stock Telethon client comes to ask the line before every packet, and how it is stopped when the line ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from telethon.network.connection import ConnectionTcpFull
from telethon.tl import TLRequest

from telekeep.errors import LeaseLost, SessionConflict, TelegramNetworkError
from telekeep.lease.lease import Lost
from telekeep.upstream.guarded import ConnectionGuarded, Guarded
from telekeep.upstream.line import Line


def guarded(kind: type[Any], line: Callable[[], Line], on_fork: Callable[[Exception], None]) -> type[Any]:
    """``kind``, a connection class of Telethon's, such that each connection asks what ``line()`` is when it is made.

    ``on_fork``: called in a forked child that tries to send, with the error.

    The one that Telethon takes if none is named becomes our own (`telekeep.upstream.guarded`), the same on the wire.
    Obfuscated ones, those of MTProxies and the like stay what they are, and ask the line as well.
    """
    kind = kind._unguarded if is_guarded(kind) else kind  # it may have been another session's
    kinds = (_OfStock, ConnectionGuarded) if kind is ConnectionTcpFull else (_OfStock, _Checked, Guarded, kind)
    own = {"_line_in_force": lambda self, loggers: line(), "_on_fork": staticmethod(on_fork), "_unguarded": kind}
    return type(kind.__name__, kinds, {**own, "__module__": __name__})


def is_guarded(kind: type[Any]) -> bool:
    """Whether `guarded` made this connection class."""
    return issubclass(kind, _OfStock)


class _OfStock:
    """For Telethon's own sender, which tries again for ever, whatever ConnectionError it is told on connecting."""

    _on_fork: Callable[[Exception], None]
    _unguarded: type[Any]

    def send(self, data: bytes) -> Any:
        try:
            return super().send(data)  # type: ignore[misc]
        except LeaseLost as lost:
            if lost.reason == Lost.FORKED:  # the line has not ended, it is the parent's
                self._on_fork(lost)
            raise

    async def connect(self, timeout: float | None = None, ssl: Any = None) -> None:
        try:
            await super().connect(timeout=timeout, ssl=ssl)  # type: ignore[misc]
        except (LeaseLost, TelegramNetworkError) as ended:  # the line's; Telethon and asyncio raise others
            raise SessionConflict(ended.message, remedy=ended.remedy) from None


class _Checked:
    """For connections that send from a queue: asked when a packet is handed over, and when it leaves."""

    _line: Line

    def send(self, data: bytes) -> Any:
        self._line.check()
        return super().send(data)  # type: ignore[misc]

    def _send(self, data: bytes) -> None:
        self._line.check()
        super()._send(data)  # type: ignore[misc]


def stop(client: Any, error: Exception) -> None:
    """Have a stock client end every call with ``error``, and connect no more. Its connections are cut off already.

    As when Telethon gives up connecting again: it is not connected then, ``run_until_disconnected`` raises the error,
    and `disconnect` is still the program's to call.
    """
    senders = [client._sender, *(sender for _, sender in client._borrowed_senders.values())]
    for sender in senders:
        sender._user_connected = False  # or it would connect again, for as long as it was told to
    if client._loop.is_closed():
        return
    for waiting in (client._updates_handle, client._keepalive_handle):
        if waiting is not None:
            waiting.cancel()
    for sender in senders:
        stopping = client._loop.create_task(_stopped(sender, sender._connection, error))
        _stopping.add(stopping)
        stopping.add_done_callback(_stopping.discard)


async def _stopped(sender: Any, connection: Any, error: Exception) -> None:
    async with sender._connect_lock:  # a program that connects again at once waits until this one is gone
        if (reconnecting := getattr(sender, "_reconnect_task", None)) is not None:  # since 1.42
            reconnecting.cancel()
            await asyncio.wait([reconnecting])
        for state in (*sender._pending_state.values(), *sender._send_queue._deque):
            if isinstance(state.request, TLRequest) and not state.future.done():
                state.future.set_exception(error)
                state.future.exception()  # nobody may be waiting for a ping
        sender._send_queue._deque.clear()
        if sender._connection is connection:
            await sender._disconnect(error=error)
        if sender._disconnected.done() and not sender._disconnected.cancelled():
            sender._disconnected.exception()


_stopping: set[asyncio.Task[None]] = set()
