"""Pages of a chat's history, from where it stopped. The next ones are asked for before the one before them is there.

Where the next page begins is known only when the page before it has come. So it is asked for by its distance, one
message earlier than it has to begin: if its first message is the last of the page before, nothing lies between the two.
If it is not (something was deleted meanwhile), it is thrown away and asked for anew.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

from telekeep.clock import Clock
from telekeep.errors import TelegramRateLimitError
from telekeep.work.archive import plan, reading
from telekeep.work.archive.asking import Asking
from telekeep.work.archive.finding import Place, history
from telekeep.work.archive.line import Line
from telekeep.work.archive.pacing import Pace, until_tomorrow
from telekeep.work.archive.plan import PAGE, Wish
from telekeep.work.archive.rows import TOP, File, Message, Person
from telekeep.work.archive.shown import Shown, in_rows
from telekeep.work.archive.writer import Page, Writer

_AHEAD = 4  # requests under way for one chat
_HANDED = 8  # pages of one chat that are being committed


class _Came(NamedTuple):
    shown: list[Message]
    people: dict[int, Person]
    files: dict[int, File]
    began: int  # see `Window`


class History:
    """The history of one chat. ``left``: how many messages Telegram is thought to have still."""

    def __init__(
        self, place: Place, writer: Writer, asking: Asking, line: Line, *, pace: Pace, clock: Clock, have: int
    ) -> None:
        self.chat_id = place.chat.id
        self.left = max(0, place.total - have)
        self.taken = 0
        self._peer = place.peer
        self._writer = writer
        self._asking = asking
        self._line = line
        self._pace = pace
        self._clock = clock
        self._ahead: deque[tuple[bool, asyncio.Task[_Came]]] = deque()  # whether it begins with the last one's end
        self._covered = 0  # how many messages below the position they will show
        self._position = -1  # below which they are

    async def run(self, wish: Wish) -> None:
        """Fetch what ``wish`` wants and is not there. Raises TelegramRateLimitError when the day's budget is spent."""
        handed: deque[tuple[int, asyncio.Future[int | None]]] = deque()  # pages that are not committed yet
        progress = self._writer.progress(self.chat_id)
        over = False
        try:
            while True:
                soon = sum(count for count, _ in handed)
                due = not over and plan.is_due(progress, wish, self.taken + soon)
                if handed and (not due or len(handed) >= _HANDED):
                    if not await self._committed(handed):
                        progress, over = self._writer.progress(self.chat_id), False
                    continue
                if not due:
                    return
                room = self._room(wish, soon)
                if room == 0 and handed:
                    await self._committed(handed)
                    continue
                came = await self._next(progress.position)
                spared = self._writer.window.end(came.began, self.chat_id)
                page = Page(self.chat_id, progress.position, came.shown, came.people, came.files, spared, wish, room)
                over = plan.is_over(came.shown, wish, progress)
                _, progress, count = plan.told_by(
                    self.chat_id, progress, came.shown, wish=wish, room=room, spared=spared
                )
                handed.append((count, self._writer.page(page)))
        finally:
            await self._drop()

    async def _committed(self, handed: deque[tuple[int, asyncio.Future[int | None]]]) -> bool:
        """Wait for the first page that was handed over. False if the chat no longer stands where it began: then all
        that were handed over are past, and it begins again where the chat stands."""
        counted = await handed.popleft()[1]
        if counted is None:
            await asyncio.gather(*(future for _, future in handed))
            handed.clear()
            await self._drop()
            return False
        self.taken += counted
        self.left = max(0, self.left - counted)
        return True

    def _room(self, wish: Wish, soon: int) -> int | None:
        """How many more messages are wanted, after ``soon`` that are on their way into the archive."""
        room = self._pace.room(self._writer.fetched_today + soon)
        if room == 0 and not soon:
            seconds = until_tomorrow(self._clock.wall())
            raise TelegramRateLimitError(
                f"The day's budget of {self._pace.budget} messages is spent.",
                seconds=seconds,
                until=self._clock.wall() + seconds,
                remedy="The next run goes on where this one stopped; --budget sets how much a day.",
            )
        wanted = None if wish.limit is None else wish.limit - self.taken - soon
        return min((each for each in (room, wanted) if each is not None), default=None)

    async def _next(self, position: int) -> _Came:
        """The page below ``position``."""
        if position != self._position:
            await self._drop()
            self._position = position
        while True:
            self._ask_ahead(position)
            overlaps, task = self._ahead.popleft()
            came = await task
            self._covered -= PAGE - overlaps
            if overlaps:
                if not came.shown or came.shown[0].id != position:
                    self._writer.window.end(came.began, self.chat_id)
                    await self._drop()
                    self._position = position
                    continue
                came = came._replace(shown=came.shown[1:])
            self._position = came.shown[-1].id if came.shown else -1
            return came

    def _ask_ahead(self, position: int) -> None:
        most = 1 if position == TOP else min(_AHEAD, 1 + max(0, self.left - 1) // PAGE)
        while len(self._ahead) < most or not self._ahead:
            overlaps = self._covered > 0
            skip = self._covered - overlaps
            self._covered += PAGE - overlaps
            below = 0 if position == TOP else position
            self._ahead.append((overlaps, asyncio.create_task(self._page(below, skip))))

    async def _page(self, below: int, skip: int) -> _Came:
        window = self._writer.window
        began = window.begin()
        try:
            asked = history(self._peer, below=below, skip=skip, limit=PAGE)
            found: Shown = await self._asking(in_rows(asked, self._line.self_id))
        except BaseException:
            window.end(began, self.chat_id)
            raise
        self._line.meet(found.users, found.chats)
        return _Came(found.messages, reading.people(found.users, found.chats), found.files, began)

    async def _drop(self) -> None:
        """What was asked for ahead is not wanted."""
        ahead, self._ahead = self._ahead, deque()
        self._covered, self._position = 0, -1
        for _, task in ahead:
            task.cancel()
        for came in await asyncio.gather(*(task for _, task in ahead), return_exceptions=True):
            if isinstance(came, _Came):
                self._writer.window.end(came.began, self.chat_id)
