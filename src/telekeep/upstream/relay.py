"""Requests that others made, sent over our line as they are, and their answers given back as they came.

What goes out is a serialisation of our own (`telekeep.gateway.asked`); what comes back is neither read nor changed:
the bytes of a result, or the number and text of an error, which Telethon's own classes would lose.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Any

from telethon.network import MTProtoSender
from telethon.tl import TLRequest
from telethon.tl.core import GzipPacked, RpcResult, core_objects
from telethon.tl.types import RpcError

from telekeep.errors import MaybeDone
from telekeep.mtproto.schema import read
from telekeep.upstream.carrier import Carrier, Waiting


class RpcFailure(Exception):
    """Telegram answered a relayed request with an error: its number and its own text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


OnEnd = Callable[[bytes | None, BaseException | None], None]


class Opaque(TLRequest):  # type: ignore[misc]  # Telethon carries no types
    """A request that is serialised already. ``repeatable``: whether it may be sent twice if its line is lost.

    ``on_end(result, error)`` is called once, with the bytes of the result, or with what came instead. From
    being sent until then it is one of ``among``.
    """

    __slots__ = ("_body", "_on_end", "among", "repeatable")

    def __init__(self, body: bytes, on_end: OnEnd, *, repeatable: bool, among: set[Opaque]) -> None:
        self._body = body
        self._on_end: OnEnd | None = on_end
        self.repeatable = repeatable
        self.among = among

    def end(self, result: bytes | None, error: BaseException | None) -> None:
        """It has ended so; the first time counts."""
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            self.among.discard(self)
            on_end(result, error)

    # Telethon takes it for the future of its answer, too: so it says that it has given the request up.

    def done(self) -> bool:
        return self._on_end is None

    def cancelled(self) -> bool:
        return self.done()

    def set_exception(self, error: BaseException) -> None:
        self.end(None, error)

    def cancel(self) -> None:
        self.end(None, asyncio.CancelledError())

    def _bytes(self) -> bytes:
        return self._body

    __bytes__ = _bytes
    __eq__ = object.__eq__  # Telethon compares contents
    __hash__ = object.__hash__


class ExactResult(RpcResult):  # type: ignore[misc]
    """An RPC result cut at its own length.

    Telethon reads it to the end of what was decrypted: padding, and in a container its neighbours, which may be
    somebody else's answers. The length of a message stands right before its constructor, alone or in a container.
    """

    @classmethod
    def from_reader(cls, reader: Any) -> Any:
        start = reader.tell_position()
        length = 0
        if start >= _LENGTH_AND_CONSTRUCTOR:
            reader.set_position(start - _LENGTH_AND_CONSTRUCTOR)
            length = reader.read_int()
            reader.set_position(start)
        request_id = reader.read_long()
        constructor = reader.read_int(signed=False)
        reader.set_position(start)
        if length < _SHORTEST or constructor in (RpcError.CONSTRUCTOR_ID, GzipPacked.CONSTRUCTOR_ID):
            return super().from_reader(reader)  # these know their length
        reader.set_position(start + 8)
        return cls(request_id, reader.read(length - 12), None)


_LENGTH_AND_CONSTRUCTOR = 8  # bytes
_SHORTEST = 16  # bytes: two constructors and the id of the request


@cache
def cut_exactly() -> None:
    """From now on results are cut exactly, in this process; for whoever reads them as objects nothing changes."""
    core_objects[RpcResult.CONSTRUCTOR_ID] = ExactResult


class Relaying(MTProtoSender):  # type: ignore[misc]
    """A Telethon sender that carries `Opaque` requests; see `adopt`.

    When the line is lost, those that must not be repeated end with MaybeDone; Telethon would send all of them once
    more. ``on_failure`` sees each of their errors first.
    """

    carrier: Carrier
    on_failure: Callable[[RpcFailure], None]

    async def _handle_rpc_result(self, message: Any) -> None:
        result = message.obj
        state = self._pending_state.get(result.req_msg_id)
        if type(state) is not Waiting:
            await super()._handle_rpc_result(message)
            return
        del self._pending_state[result.req_msg_id]
        self._on_answer(state, bytes(result.error) if result.error is not None else result.body)

    def _on_answer(self, waiting: Waiting, body: bytes) -> None:
        if int.from_bytes(body[:4], "little") != RpcError.CONSTRUCTOR_ID:
            waiting.request.end(body, None)
            return
        error = read(body)
        failure = RpcFailure(error.error_code, error.error_message)
        waiting.request.end(None, failure)
        self.on_failure(failure)

    async def _reconnect(self, error: Any) -> None:
        settle_doubts(self)
        await super()._reconnect(error)


def adopt(sender: Any, on_failure: Callable[[RpcFailure], None]) -> Any:
    """Make a Telethon sender a `Relaying` one, if it is none yet, and return it."""
    if not isinstance(sender, Relaying):
        sender.__class__ = Relaying
        sender._handlers[RpcResult.CONSTRUCTOR_ID] = sender._handle_rpc_result
    sender.on_failure = on_failure
    sender.carrier = Carrier(sender, sender._on_answer)
    return sender


def settle_doubts(sender: Any) -> None:
    """The line is lost: end what was sent over it and must not be repeated."""
    for message_id, state in tuple(sender._pending_state.items()):
        if type(state) is Waiting and not state.request.repeatable:
            del sender._pending_state[message_id]
            state.request.end(None, MaybeDone())


def send(sender: Any, request: Opaque, *, at_once: bool = False) -> None:
    """Send a request; ``at_once`` rather than together with others of this turn of the event loop.

    It ends with its result, RpcFailure, MaybeDone, or what ended the connection for good. Raises ConnectionError if
    there is none.
    """
    sender.carrier.send(request, at_once=at_once)
    request.among.add(request)
