"""One client of an owner gives way to another of the same account, and borrowers notice a pause at most.

Their connections stay; what they ask meanwhile waits in its turn. Nothing is under way when the change is made: what
was sent with one authorization cannot be told from what another sends again. What Telegram says to the old client from
then on is kept back: the new one begins where the journal ends, and is told the same by its difference. If there is no
change after all, what was kept back is told, and everything goes on as before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from telekeep.errors import SessionBusy

if TYPE_CHECKING:
    from telekeep.gateway.forwarding import Forwarding
    from telekeep.session.model import Session
    from telekeep.upstream.owned import OwnedClient, Tap

Prepare = Callable[["Session"], Awaitable["OwnedClient"]]

REST_SECONDS = 10.0  # for calls that are under way to be answered


class Pause:
    """Around the change: calls wait, and so does what happens. ``tap``: where the news of clients go."""

    def __init__(self, before: OwnedClient, forwarding: Forwarding, tap: Tap) -> None:
        self._current = before
        self._forwarding = forwarding
        self._tap = tap
        self._kept_back: dict[OwnedClient, list[tuple[list[Any], list[Any], list[Any]]]] = {}

    def keep_back(self, client: OwnedClient) -> None:
        """Of what ``client`` says from now on nothing is told, until it is known which client goes on."""
        news = self._kept_back[client] = []
        client.tap = lambda *said: news.append(said)

    def over(self, client: OwnedClient) -> None:
        """``client`` is the one that goes on."""
        self._current = client

    async def __aenter__(self) -> Pause:
        self._forwarding.is_up = False
        try:
            async with asyncio.timeout(REST_SECONDS):
                await self._forwarding.rest()
        except BaseException as error:
            self._go_on()
            if isinstance(error, TimeoutError):
                raise SessionBusy(
                    f"Calls of borrowers were still under way after {REST_SECONDS:g} s. Nothing was changed.",
                    remedy="Try again when they are done: `telekeep loans list` shows who asks.",
                ) from None
            raise
        self.keep_back(self._current)
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._kept_back:
            client.tap = None
        self._current.tap = self._tap
        for said in self._kept_back.get(self._current, ()):
            self._tap(*said)
        self._go_on()

    def _go_on(self) -> None:
        self._forwarding.is_up = self._current.is_held
        self._forwarding.go()
