"""What happens, on its way from Telegram to the journal and to those who listen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from telekeep.clock import Clock
from telekeep.gateway.borrowers import Borrowers
from telekeep.gateway.entries import Faces, entries_of, service_chat_ids
from telekeep.gateway.in_part import in_part
from telekeep.gateway.journal import Journal
from telekeep.gateway.noted import is_out
from telekeep.session.model import PeerKind
from telekeep.upstream.owned import OwnedClient

_TOGETHER = 0.005  # seconds that updates wait at most for those that came in right behind them


class News:
    """See the module."""

    def __init__(self, client: OwnedClient, journal: Journal, borrowers: Borrowers, *, clock: Clock) -> None:
        self._client = client
        self._journal = journal
        self._borrowers = borrowers
        self._clock = clock
        self._faces = Faces(acquaintance=self._acquaintance)
        self._hidden: set[int] = set()  # numbers of messages of the service chat, as far as they were seen
        self._untold: asyncio.TimerHandle | None = None  # while more is coming in that can be told with it

    def _acquaintance(self, number: int, chat: bool) -> Any:
        peer = self._client.session.peer(PeerKind.CHAT if chat else PeerKind.USER, number)
        return None if peer is None else in_part(peer)

    def take_over(self, client: OwnedClient) -> None:
        """What is taken from now on comes from ``client``."""
        self._client = client

    def take(self, updates: list[Any], users: list[Any], chats: list[Any]) -> None:
        """Write down what has happened, and tell it as soon as nothing comes right behind it."""
        for hole in self._client.box.take_holes():
            self._journal.leap(hole.line, hole.end)
        self._hidden.update(service_chat_ids(updates))
        # Telegram's time, if it is ahead of ours: borrowers hear of it in other answers, and say from when they ask
        now = max(int(self._clock.wall()), int(self._client.box.latest.timestamp()))
        for entry in entries_of(updates, users, chats, now, faces=self._faces):
            self._journal.append(entry)
        for chat in chats:
            if is_out(chat) and self._journal.now(chat.id) is not None:
                self._client.box.follow_no_more(chat.id)
                self._journal.leap(chat.id, None)  # who follows it asks, and Telegram says why not
        if not self._client.has_more:
            self._tell()
        elif self._untold is None:
            self._untold = asyncio.get_running_loop().call_later(_TOGETHER, self._tell)

    def tell_untold(self) -> None:
        """Tell at once what was kept back for what comes behind it."""
        if self._untold is not None:
            self._tell()

    def _tell(self) -> None:
        untold, self._untold = self._untold, None
        if untold is not None:
            untold.cancel()
        self._borrowers.tell()

    def hides(self, message_ids: Iterable[int]) -> bool:
        """Whether one of these messages is of the service chat, which no loan may read."""
        return not self._hidden.isdisjoint(message_ids)
