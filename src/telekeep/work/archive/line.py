"""A client on a loan, and everything it hears: in order, with its place, and with every hole named.

A stock message box drops edits and deletions that come in a difference, and says nothing of what it could not get. The
owner's box (`telekeep.upstream.box`) does neither, so the archive has one of its own behind its loan.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from telekeep.borrow.borrow import client as borrowed
from telekeep.mtproto.schema import build, functions, types
from telekeep.upstream.box import OwnerBox
from telekeep.upstream.settle import ACCOUNT
from telekeep.work.archive.news import News
from telekeep.work.archive.rows import CHANNELS_BELOW, Cursor

GRANT = "archive"


class Line:
    """See the module. ``hear`` is called from the event loop with everything that happens after ``cursor``, without one
    after now, and in ``channels`` (marked ids) after their pts.
    """

    def __init__(
        self,
        name: str,
        *,
        home: Path | str | None = None,
        network: str | None = None,
        cursor: Cursor | None = None,
        channels: Mapping[int, int] | None = None,
        hear: Callable[[News], None] | None = None,
    ) -> None:
        self.client: Any = borrowed(name, grant=GRANT, label="archive", home=home, network=network)
        self._hear = hear
        self._stock = self.client._preprocess_updates
        self._box = OwnerBox(self.client._log["messagebox"])
        self._moved = asyncio.Event()
        self._begun: dict[int, int] = {}
        self.client._message_box = self._box
        self.client.__dict__.update(_preprocess_updates=self._tapped)
        if cursor is not None:
            date = datetime.fromtimestamp(cursor.date, UTC)
            state = types.updates.State(pts=cursor.pts, qts=cursor.qts, date=date, seq=0, unread_count=0)
            self.client.session.states = (state,)
        for chat_id, pts in (channels or {}).items():
            number = CHANNELS_BELOW - chat_id
            # any hash will do: the owner puts its own in its place
            self.meet([], [build(types.Channel, id=number, title="", photo=None, date=None, access_hash=1)])
            self._begun[number] = pts
        self.client.session.get_update_states = self._states

    @property
    def self_id(self) -> int:
        """The account."""
        return int(self.client._self_id)

    @property
    def cursor(self) -> Cursor:
        """Where the account's updates stand."""
        state, _ = self._box.session_state()
        return Cursor(state["pts"], state["qts"], int(state["date"].timestamp()))

    def channel_pts(self, chat_id: int) -> int | None:
        """Where a channel's updates stand; None if it is not followed."""
        found = self._box.session_state()[1].get(CHANNELS_BELOW - chat_id)
        return None if found is None else int(found)

    def follow(self, chat_id: int, pts: int, *, catch_up: bool) -> None:
        """Hear what happens in a channel after ``pts``; ``catch_up``: something may have happened already."""
        number = CHANNELS_BELOW - chat_id
        self._box.try_set_channel_state(number, pts)
        if catch_up:
            too_long = types.UpdateChannelTooLong(channel_id=number)
            self.client._updates_queue.put_nowait(types.UpdateShort(update=too_long, date=0))

    def meet(self, users: list[Any], chats: list[Any]) -> None:
        """Remember the access hashes that a result shows: without a channel's, its difference cannot be asked."""
        self.client._mb_entity_cache.extend(users, chats)

    async def moved(self, seconds: float) -> bool:
        """Wait until something is heard; whether that was within ``seconds``."""
        self._moved.clear()
        try:
            await asyncio.wait_for(self._moved.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def ended(self) -> Exception | None:
        """Wait until the client has given up; why, as far as it knows."""
        await self.client.disconnected
        found: Exception | None = self.client._updates_error
        return found

    async def state(self) -> int:
        """The account's pts, as the gateway knows it; Telegram is not asked."""
        return int((await self.client(functions.updates.GetStateRequest())).pts)

    async def close(self) -> None:
        await self.client.disconnect()

    # ---- inside

    def _states(self) -> list[tuple[int, Any]]:
        """Where the message box begins, as Telethon asks its session."""
        account = list(self.client.session.states)
        date = account[0].date if account else datetime.fromtimestamp(0, UTC)
        channels = {**self._begun, **self._box.session_state()[1]}
        return [(0, each) for each in account] + [
            (number, types.updates.State(pts=pts, qts=0, date=date, seq=0, unread_count=0))
            for number, pts in channels.items()
        ]

    def _tapped(self, updates: Any, users: Any, chats: Any) -> Any:
        noted = self._stock(updates, users, chats)
        if inspect.isawaitable(noted):
            return self._tapped_then(noted, updates, users, chats)
        return self._tap(updates, users, chats)  # older releases wait for nothing here

    async def _tapped_then(self, noted: Any, updates: Any, users: Any, chats: Any) -> list[Any]:
        await noted
        return self._tap(updates, users, chats)

    def _tap(self, updates: Any, users: Any, chats: Any) -> list[Any]:
        channels = {CHANNELS_BELOW - number: pts for number, pts in self._box.session_state()[1].items()}
        holes = [None if hole.line is ACCOUNT else CHANNELS_BELOW - hole.line for hole in self._box.take_holes()]
        if self._hear is not None:
            self._hear(News(list(updates), list(users), list(chats), self.cursor, channels, holes))
        self._moved.set()
        return []
