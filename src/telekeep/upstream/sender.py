"""The sender of a held client's main connection: Telethon's, which begins with the question who we are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, ClassVar

from telethon import errors, functions, types
from telethon.network import MTProtoSender

WHO_WE_ARE = functions.users.GetUsersRequest([types.InputUserSelf()])  # the request that says whether the login stands


class HeldSender(MTProtoSender):  # type: ignore[misc]  # Telethon carries no types
    """Telethon's sender. ``on_new_session(sender)`` is awaited when Telegram says that it began a new session.

    Telethon begins a connection with a question whose answer it does not want (help.getConfig). In its place this one
    asks who we are; `introduction` stands in for the sender of that question when it is asked.
    """

    on_new_session: Callable[[Any], Awaitable[None]]
    introduction: _Introduction | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._handlers = _Handlers(self)

    def send(self, request: Any, ordered: bool = False) -> Any:
        opening = _opening(request)
        if opening is not None:
            self.introduction = _Introduction(super().send, request, opening)
            return self.introduction.heard()
        return super().send(request, ordered=ordered)

    async def _handle_new_session_created(self, message: Any) -> None:
        await super()._handle_new_session_created(message)
        await self.on_new_session(self)


class _Introduction:
    """What a connection begins with: our layer, the device (``opening``), and the question who we are, as one
    ``request``.
    """

    def __init__(self, send: Callable[[Any], Any], request: Any, opening: Any) -> None:
        self._send = send
        self._request = request
        self._opening = opening
        self._answer: asyncio.Future[Any] | None = self._sent()

    def _sent(self) -> Any:
        self._opening.query = WHO_WE_ARE  # Telethon has this object once, for every data center
        return self._send(self._request)

    async def heard(self) -> None:
        """Wait until Telegram has answered. What it says is told to whoever asks the question."""
        answer = self._answer
        assert answer is not None
        with suppress(errors.RPCError):
            await answer

    def send(self, _question: Any, ordered: bool = False) -> Any:
        """The answer that is there already; from the second time on, everything is sent again."""
        answer, self._answer = self._answer, None
        return self._sent() if answer is None else answer


def _opening(request: Any) -> Any:
    """The initConnection in what Telethon begins a connection with; None if ``request`` is anything else."""
    if type(request) is not functions.InvokeWithLayerRequest:
        return None
    found = request.query
    if type(found) is functions.InvokeWithoutUpdatesRequest:
        found = found.query
    is_it = type(found) is functions.InitConnectionRequest and type(found.query) is functions.help.GetConfigRequest
    return found if is_it else None


def asks_who_we_are(request: Any) -> bool:
    return type(request) is type(WHO_WE_ARE) and [type(each) for each in request.id] == [types.InputUserSelf]


class _Handlers:
    """What a sender does with each kind of message. Telethon's table binds twenty methods that are hardly ever used."""

    __slots__ = ("_sender",)
    _names: ClassVar[dict[int, str]] = {}

    def __init__(self, sender: Any) -> None:
        self._sender = sender
        if not self._names:
            self._names.update((kind, handler.__name__) for kind, handler in sender._handlers.items())

    def get(self, kind: int, default: Any) -> Any:
        name = self._names.get(kind)
        return default if name is None else getattr(self._sender, name)
