"""Which function answers which request, and what that function is told.

A service is a module in `telekeep.emulator.services`; importing it registers its handlers::

    @handles(functions.users.GetUsersRequest)
    def get_users(call: Call, request: Any) -> Any:
        return [call.world.user(...) for peer in request.id]

A handler returns a TL object, a bool, bytes ready made, or a list (a Vector); or it raises `RpcError`. It may be a
coroutine function, which costs a task; plain functions are answered in the same tick.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any

from telekeep.clock import Clock
from telekeep.emulator.authorization import Authorization
from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.telegram import Telegram
from telekeep.emulator.world import World

__all__ = ["Call", "Handler", "RpcError", "handler_of", "handles"]

Handler = Callable[["Call", Any], Any | Awaitable[Any]]


@dataclass(slots=True, eq=False)
class Call:
    """One request on its way: who asks, where, and on behalf of which login."""

    telegram: Telegram
    world: World
    authorization: Authorization
    connection: Any  # the line it came in on; hand it to `Telegram.push(skip=...)`
    dc_id: int
    layer: int
    takeout_id: int | None = None  # of invokeWithTakeout around it
    messages_range: tuple[int, int] | None = None  # of invokeWithMessagesRange around it
    callbacks: list[Callable[[], None]] | None = None

    @property
    def clock(self) -> Clock:
        return self.telegram.clock

    @property
    def user_id(self) -> int:
        """Whom the login is of. For handlers that need one, which is the default."""
        user_id = self.authorization.user_id
        if user_id is None:
            raise RpcError(401, "AUTH_KEY_UNREGISTERED")
        return user_id

    def after(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` once the answer is on its way, e.g. to end the key that just asked to log out."""
        if self.callbacks is None:
            self.callbacks = []
        self.callbacks.append(callback)


@dataclass(frozen=True, slots=True)
class Registered:
    """A handler, whether it needs a login, and whether it is a coroutine function."""

    handler: Handler
    authorized: bool
    is_async: bool


_registry: dict[type, Registered] = {}


def handles(*requests: Any, authorized: bool = True) -> Callable[[Handler], Handler]:
    """Register a handler for one or more request classes.

    ``authorized``: without a login the request is answered with 401 before the handler is asked. A request class that
    this version of the schema lacks may be given as None.
    """

    def register(handler: Handler) -> Handler:
        for request in requests:
            if request is None:
                continue
            if request in _registry:
                raise ValueError(f"{request.__name__} already has a handler")
            _registry[request] = Registered(handler, authorized, iscoroutinefunction(handler))
        return handler

    return register


def handler_of(request: type) -> Registered | None:
    return _registry.get(request)
