"""One address of a data center: requests come in here, are judged, met by faults, and dispatched."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from telekeep.emulator.authorization import Authorization
from telekeep.emulator.dispatcher import Call, Registered, handler_of
from telekeep.emulator.faults import Fault
from telekeep.emulator.mischief import Mischief
from telekeep.emulator.registry import Registry
from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.telegram import Telegram
from telekeep.emulator.world import World
from telekeep.emulator.wrappers import PLAIN, Envelope, unwrapped
from telekeep.mtproto.connection import Connection
from telekeep.mtproto.conversation import Conversation
from telekeep.mtproto.keyring import KnownKey
from telekeep.mtproto.rsa import ServerKey
from telekeep.mtproto.salts import Salts
from telekeep.mtproto.schema import SchemaError, method_name, pack, read, types

_log = logging.getLogger(__name__)
_FAILED = 1024  # message ids of failed requests an authorization remembers, for invokeAfterMsg


@dataclass
class Desk:
    """What all addresses of one emulator share."""

    telegram: Telegram
    world: World
    registry: Registry
    mischief: Mischief
    server_key: ServerKey
    now: Callable[[], float]  # wall seconds of the wire
    waiting: dict[tuple[Conversation, int], asyncio.Task[None]] = field(default_factory=dict)  # unanswered requests


@dataclass(slots=True, eq=False)
class _Asked:
    """A request on its way through the front."""

    line: Connection
    authorization: Authorization
    conversation: Conversation
    message_id: int
    request: Any = None
    envelope: Envelope = PLAIN


class Front:
    """Implements `telekeep.mtproto.served.Served` for one listening address."""

    def __init__(self, desk: Desk, *, dc_id: int, media: bool) -> None:
        self.server_key = desk.server_key
        self.dc_id = dc_id
        self.now = desk.now
        self._media = media
        self._desk = desk
        self._stats = desk.telegram.stats
        self._registry = desk.registry

    # ---- connections and keys

    def opened(self, line: Connection) -> None:
        self._stats.connections += 1
        self._registry.opened(line)

    def drained(self, line: Connection) -> None:
        """What the emulator has to say is queued already."""

    def closed(self, line: Connection) -> None:
        self._registry.closed(line)

    def find(self, key_id: int) -> Authorization | None:
        return self._registry.find(key_id, self.dc_id)

    def taken(self, key: bytes) -> bool:
        return self._registry.taken(key)

    def agreed(self, key: bytes, salts: Salts) -> None:
        made_at = self._desk.telegram.clock.wall()
        made = Authorization(key, dc_id=self.dc_id, made_at=made_at, salts=salts)
        made.is_untried = True
        self._registry.add(made)

    def used(self, line: Connection, key: KnownKey, conversation: Conversation) -> None:
        authorization = _authorization(key)
        self._registry.carries(line, authorization)
        if authorization.is_untried:
            authorization.is_untried = False
            self._stats.handshakes += 1
        if not self._media:
            authorization.mains.used(line, self._registry.number_of(line), conversation.id)
            if authorization.origin is None and authorization.is_logged_in:
                self._stats.overlap += authorization.mains.overlaps(line)

    # ---- requests

    def request(
        self, line: Connection, key: KnownKey, conversation: Conversation, message_id: int, body: bytes
    ) -> None:
        """Judge one request, and answer it or let it wait."""
        authorization, mischief = _authorization(key), self._desk.mischief
        self._stats.rpc += 1
        asked = _Asked(line, authorization, conversation, message_id)
        try:
            self._check_parallel(line, authorization)
            if authorization.ended is not None and authorization.ended.code != 401:
                raise authorization.ended
            asked.request, asked.envelope = unwrapped(_readable(body))
            self._remember(asked)
            fault = mischief.meet(authorization, asked.request) if mischief.waiting else None
            if fault is not None and self._spoiled(asked, fault):
                return
            self._carry_out(asked, cut=fault is not None and fault.kind == "drop-after")
        except RpcError as error:
            self._fail(asked, error)

    def _check_parallel(self, line: Connection, authorization: Authorization) -> None:
        if self._media or authorization.origin is not None:
            return
        in_parallel = authorization.mains.speaks(line)
        if authorization.is_logged_in:
            self._stats.overlap += authorization.mains.overlaps(line)
            if in_parallel:
                self._stats.duplicated += 1
                error = RpcError(406, "AUTH_KEY_DUPLICATED")
                self._desk.telegram.end(authorization, error)
                raise error

    def _remember(self, asked: _Asked) -> None:
        authorization, envelope = asked.authorization, asked.envelope
        telegram = self._desk.telegram
        authorization.used(telegram.clock.wall(), asked.line.ip, lag=telegram.devices_lag)
        if envelope.layer is not None:
            authorization.layer = envelope.layer
        if envelope.application is not None:
            authorization.application = envelope.application
        if authorization.application is None:
            raise RpcError(400, "CONNECTION_NOT_INITED")
        if authorization.layer is None:
            raise RpcError(400, "CONNECTION_LAYER_INVALID")
        if envelope.takeout_id is not None:
            login = authorization.origin or authorization
            if envelope.takeout_id != login.takeout_id:
                raise RpcError(400, "TAKEOUT_INVALID")
        if envelope.wants_updates and not self._media:
            authorization.listens(asked.line, asked.conversation)

    def _carry_out(self, asked: _Asked, *, cut: bool = False) -> None:
        """Find the handler and run it. ``cut``: lose the line before the answer is sent."""
        for earlier in asked.envelope.after:
            if earlier in asked.conversation.running:
                return self._later(asked, self._after(asked, earlier, cut))
            if earlier in asked.authorization.failed or earlier not in asked.conversation.history:
                raise RpcError(400, "MSG_WAIT_FAILED")
        registered = self._handler(asked)
        authorization = asked.authorization
        call = Call(
            self._desk.telegram,
            self._desk.world,
            authorization,
            asked.line,
            self.dc_id,
            authorization.layer or 0,
            asked.envelope.takeout_id,
            asked.envelope.messages_range,
        )
        try:
            result = registered.handler(call, asked.request)
        except RpcError:
            raise
        except Exception as error:
            raise self._broken(asked, error) from error
        if registered.is_async:
            return self._later(asked, self._awaited(asked, call, result, cut))
        return self._finish(asked, call, result, cut)

    def _handler(self, asked: _Asked) -> Registered:
        request, authorization = asked.request, asked.authorization
        registered = handler_of(type(request))
        if registered is None:
            raise RpcError(400, f"METHOD_NOT_IMPLEMENTED_{method_name(type(request))}")
        if registered.authorized and not authorization.is_logged_in:
            if authorization.ended is not None:
                raise authorization.ended
            if authorization.pending_user_id is not None:
                raise RpcError(401, "SESSION_PASSWORD_NEEDED")
            raise RpcError(401, "AUTH_KEY_UNREGISTERED")
        return registered

    def _finish(self, asked: _Asked, call: Call, result: Any, cut: bool) -> None:
        if asked.authorization.is_logged_in and asked.authorization.origin is None:
            # this request may have been the login: what was in use before it counts from now on
            self._stats.overlap += asked.authorization.mains.all_overlaps()
        if cut:
            asked.line.close("fault: the answer is lost", abort=True)
        asked.conversation.answer(asked.message_id, pack(result))
        for callback in call.callbacks or ():
            callback()

    def _fail(self, asked: _Asked, error: RpcError) -> None:
        failed = asked.authorization.failed
        failed[asked.message_id] = None
        if len(failed) > _FAILED:
            del failed[next(iter(failed))]
        packed = types.RpcError(error_code=error.code, error_message=error.message)
        asked.conversation.answer(asked.message_id, bytes(packed))

    def _broken(self, asked: _Asked, error: Exception) -> RpcError:
        name = method_name(type(asked.request))
        _log.error("the handler of %s failed", name, exc_info=error)
        return RpcError(500, f"EMULATOR_BROKEN_{name}_{type(error).__name__}")

    # ---- requests that wait

    def _later(self, asked: _Asked, work: Coroutine[Any, Any, None]) -> None:
        waiting, name = self._desk.waiting, (asked.conversation, asked.message_id)
        task = waiting[name] = asyncio.get_running_loop().create_task(work)

        def done(_task: asyncio.Task[None]) -> None:
            if waiting.get(name) is task:
                del waiting[name]

        task.add_done_callback(done)

    async def _awaited(self, asked: _Asked, call: Call, result: Awaitable[Any], cut: bool) -> None:
        try:
            self._finish(asked, call, await result, cut)
        except RpcError as error:
            self._fail(asked, error)
        except Exception as error:
            self._fail(asked, self._broken(asked, error))

    async def _after(self, asked: _Asked, earlier: int, cut: bool) -> None:
        while task := self._desk.waiting.get((asked.conversation, earlier)):
            await asyncio.wait([task])
        self._try(asked, cut)

    async def _delayed(self, asked: _Asked, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._try(asked, False)

    def _try(self, asked: _Asked, cut: bool) -> None:
        try:
            self._carry_out(asked, cut=cut)
        except RpcError as error:
            self._fail(asked, error)

    # ---- faults

    def _spoiled(self, asked: _Asked, fault: Fault) -> bool:
        """Whether ``fault`` leaves nothing to carry out. Raises the RpcError it answers with."""
        kind, mischief, line = fault.kind, self._desk.mischief, asked.line
        if kind in ("drop-before", "close"):
            asked.conversation.withdraw(asked.message_id)
            line.close(f"fault: {kind}", abort=True)
        elif kind == "bad-salt":
            line.demand_salt(asked.authorization, asked.conversation, asked.message_id)
        elif kind == "delay":
            self._later(asked, self._delayed(asked, fault.seconds))
        elif kind == "drop-after":
            return False
        elif kind == "migrate":
            raise mischief.migration(asked.authorization, asked.request)
        elif kind == "forget":
            mischief.end(fault, asked.authorization)
            line.deny()
        else:
            if fault.ends:
                mischief.end(fault, asked.authorization)
            raise fault.error
        return True


def _authorization(key: KnownKey) -> Authorization:
    assert isinstance(key, Authorization)
    return key


def _readable(body: bytes) -> Any:
    try:
        return read(body)
    except SchemaError as error:
        if error.constructor is not None:
            raise RpcError(400, f"INPUT_CONSTRUCTOR_INVALID_{error.constructor:08X}") from None
        raise RpcError(400, "INPUT_FETCH_FAIL") from None
