"""The one way into a store: pages and news in the order in which they came, committed with where they stand."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from telekeep.clock import Clock
from telekeep.work.archive import plan
from telekeep.work.archive.news import News, Told, told, touched
from telekeep.work.archive.pacing import day_of
from telekeep.work.archive.plan import Wish
from telekeep.work.archive.rows import CHANNELS_BELOW, Batch, Chat, Cursor, File, Message, Person, Progress, Put
from telekeep.work.archive.stores.store import Store
from telekeep.work.archive.window import Window

_MOST = 1000  # messages in one commit
_ACQUAINTANCES = 10_000  # people that are remembered, so as not to be kept again
_FEW = 20  # messages that are committed without another thread, where the store is quick


class Page(NamedTuple):
    """A page of a chat's history. ``position``: where it begins; ``spared``: see `Window`; ``room``: how many of it the
    run still wants."""

    chat_id: int
    position: int
    shown: Sequence[Message]
    people: dict[int, Person]
    files: dict[int, File]
    spared: frozenset[int]
    wish: Wish
    room: int | None


class Writer:
    """See the module. ``committed(batch)`` is called after each commit."""

    def __init__(self, store: Store, *, clock: Clock, committed: Callable[[Batch], None] = lambda batch: None) -> None:
        self._store = store
        self._clock = clock
        self._committed = committed
        self._queue: deque[tuple[News, Told] | tuple[Page, asyncio.Future[int | None]]] = deque()
        self._turn = asyncio.Lock()
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        standing = store.standing(day_of(clock.wall()))
        self.chats = dict(standing.chats)
        self.cursor: Cursor | None = standing.cursor
        self._met: dict[int, Person] = {}  # as they are kept
        self._fetched = (day_of(clock.wall()), standing.fetched)
        self.self_id = standing.account_id or 0
        self.window = Window()
        self.hole = asyncio.Event()  # set when something was missed

    @property
    def fetched_today(self) -> int:
        day, count = self._fetched
        return count if day == day_of(self._clock.wall()) else 0

    def progress(self, chat_id: int) -> Progress:
        return self.chats[chat_id].progress

    # ---- in

    def hear(self, news: News) -> None:
        """Something has happened."""
        found = told(news, self.chats, self.self_id)
        for chat_id, ids in touched(found.changes):
            self.window.heard(chat_id, ids)
        self._queue.append((news, found))
        self._wake()

    def page(self, page: Page) -> asyncio.Future[int | None]:
        """A page has come. The result, when it is committed: how many messages of it count; None if it was asked for
        from where the chat no longer stands."""
        future: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._queue.append((page, future))
        self._wake()
        return future

    async def add(self, chats: Sequence[Chat], cursor: Cursor | None = None) -> None:
        """Begin to archive chats, or note them anew; with ``cursor``, updates count from there on."""
        batch = Batch(int(self._clock.wall()), chats={each.id: each for each in chats}, cursor=cursor)
        await self.drained()
        await self._commit(batch, at_once=False)
        self.chats.update(batch.chats)
        self.cursor = cursor or self.cursor

    async def keep_file(self, file: File) -> None:
        """Note where a file lies."""
        await self._commit(Batch(int(self._clock.wall()), files={file.id: file}), at_once=self._store.at_once)

    async def drained(self) -> None:
        """Wait until everything that came is committed."""
        await self._idle.wait()

    def _wake(self) -> None:
        self._idle.clear()
        self._work.set()

    # ---- out

    async def run(self) -> None:
        """Commit what comes, for ever. Raises what the store raises."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._queue:
                await self._commit_some()
            self._idle.set()

    async def _commit_some(self) -> None:
        batch = Batch(int(self._clock.wall()))
        ends: list[tuple[asyncio.Future[int | None], int | None]] = []
        chats, cursor = dict(self.chats), self.cursor
        while self._queue and batch.size < _MOST:
            match self._queue.popleft():
                case News() as news, Told() as found:
                    cursor = self._take_news(news, found, batch, chats)
                case Page() as page, asyncio.Future() as future:
                    ends.append((future, self._take_page(page, batch, chats)))
        batch.people = {number: each for number, each in batch.people.items() if self._met.get(number) != each}
        batch.cursor = cursor if cursor != self.cursor else None
        batch.chats = {each.id: each for each in chats.values() if self.chats[each.id] is not each}
        if batch.changes or batch.chats or batch.cursor is not None:
            await self._commit(batch, at_once=self._store.at_once and batch.size <= _FEW)
        self.chats.update(batch.chats)
        if len(self._met) > _ACQUAINTANCES:
            self._met.clear()
        self._met.update(batch.people)
        self.cursor = cursor
        day = day_of(batch.at)
        self._fetched = (day, batch.fetched + (self._fetched[1] if self._fetched[0] == day else 0))
        for future, result in ends:
            if not future.done():
                future.set_result(result)
        self._committed(batch)

    async def _commit(self, batch: Batch, *, at_once: bool) -> None:
        """One commit after the other; one that has begun is waited for, whoever wants to end us meanwhile."""
        async with self._turn:
            if at_once:
                self._store.commit(batch)
                return
            committing = asyncio.ensure_future(asyncio.to_thread(self._store.commit, batch))
            try:
                await asyncio.shield(committing)
            except asyncio.CancelledError:
                await asyncio.wait([committing])
                raise

    def _take_news(self, news: News, found: Told, batch: Batch, chats: dict[int, Chat]) -> Cursor:
        for hole in news.holes:
            self.hole.set()
            for each in list(chats.values()):
                if each.id == hole or (hole is None and each.id > CHANNELS_BELOW):
                    chats[each.id] = each._replace(progress=plan.after_hole(each.progress))
        for chat_id, pts in news.channels.items():
            if chat_id in chats and chats[chat_id].pts != pts:
                chats[chat_id] = chats[chat_id]._replace(pts=pts)
        batch.changes += found.changes
        batch.people.update(found.people)
        batch.files.update(found.files)
        return news.cursor

    def _take_page(self, page: Page, batch: Batch, chats: dict[int, Chat]) -> int | None:
        chat = chats[page.chat_id]
        if chat.progress.position != page.position:
            return None
        changes, progress, count = plan.told_by(
            chat.id, chat.progress, page.shown, wish=page.wish, room=page.room, spared=page.spared
        )
        batch.changes += changes
        batch.people.update(page.people)
        kept = {each.file_id for change in changes if isinstance(change, Put) for each in change.messages}
        batch.files.update((number, file) for number, file in page.files.items() if number in kept)
        batch.fetched += count
        if progress != chat.progress:
            chats[chat.id] = chat._replace(progress=progress)
        return count
