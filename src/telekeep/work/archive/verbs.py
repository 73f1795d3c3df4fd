"""What `telekeep archive` does with a session: fetch what was, go on with what comes, or only look whether it may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telekeep.clock import Clock, system_clock
from telekeep.errors import (
    GatewayError,
    NoChat,
    NotGranted,
    TelegramNetworkError,
    TelegramRateLimitError,
    TelekeepError,
)
from telekeep.mtproto.schema import functions, types
from telekeep.work.archive import naming, plan
from telekeep.work.archive.asking import Asking, named_here
from telekeep.work.archive.finding import Finder, Place, history
from telekeep.work.archive.history import History
from telekeep.work.archive.line import Line
from telekeep.work.archive.media import Media
from telekeep.work.archive.pacing import Pace
from telekeep.work.archive.plan import Wish
from telekeep.work.archive.rows import CHANNELS_BELOW, Batch, Progress, Put
from telekeep.work.archive.stores.place import opened
from telekeep.work.archive.stores.store import Store
from telekeep.work.archive.writer import Writer

_AT_ONCE = 3  # chats whose history is fetched at the same time
_LOOK = 2.0  # seconds between two looks whether anything was missed
_BEHIND = 0.5  # seconds in which what the gateway knows has to be heard
_RETRIES = 5  # in a row without anything committed in between
_LONGEST = 30.0  # seconds between two of them


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run is asked for: the kept session, chats as they were typed, where to keep them, and how."""

    name: str
    chats: tuple[str, ...]
    to: str
    wish: Wish = field(default_factory=Wish)
    pace: Pace = field(default_factory=Pace)
    media: Path | None = None
    home: Path | None = None
    network: str | None = None


@dataclass(slots=True)
class Report:
    """What a run has done so far. ``left``: messages that Telegram is thought to have still, by chat; ``failed``: chats
    that could not be read, as they were typed."""

    fetched: int = 0
    live: int = 0
    files: int = 0
    chats: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)
    failed: dict[str, TelekeepError] = field(default_factory=dict)
    is_live: bool = False
    told: Callable[[str], None] = lambda words: None
    committed: Callable[[Batch], None] = lambda batch: None

    def take(self, batch: Batch) -> None:
        """A batch was committed."""
        self.fetched += batch.fetched
        self.live += sum(len(each.messages) for each in batch.changes if isinstance(each, Put) and not each.shown)
        self.committed(batch)


async def historical(terms: Terms, report: Report, *, clock: Clock | None = None) -> None:
    """Fetch the history of chats from where it stopped, and whatever happens in the archive's chats meanwhile.

    Raises NoChat if none of the chats is there, TelegramRateLimitError for a long wait or a budget that is spent, and
    what the daemon, the store and the line say.
    """
    await _kept_up(terms, report, _historical, clock or system_clock(), lasting=False)


async def monitor(terms: Terms, report: Report, stop: asyncio.Event, *, clock: Clock | None = None) -> None:
    """Catch up on what came while nobody looked, and go on with what comes, until ``stop`` is set. Errors as
    `historical`; a lost line or daemon is waited for, and long waits do not end it.
    """

    async def work(run: _Run) -> None:
        await _monitor(run, stop)

    await _kept_up(terms, report, work, clock or system_clock(), lasting=True)


async def test(terms: Terms, report: Report, *, clock: Clock | None = None) -> None:
    """Look whether the chats may be read: the newest message of each is asked for, none is kept. Errors as above."""
    clock = clock or system_clock()
    line = Line(terms.name, home=terms.home, network=terms.network)
    try:
        await line.client.connect()
        asking = Asking(line.client, terms.pace, clock=clock, told=report.told)
        await _found(terms, report, Finder(asking, {}, line.self_id))
    except Exception as error:
        raise named_here(error, clock) from error
    finally:
        await line.close()


# ---- inside


@dataclass(slots=True)
class _Run:
    terms: Terms
    report: Report
    store: Store
    writer: Writer
    line: Line
    asking: Asking
    clock: Clock
    places: list[Place] = field(default_factory=list)

    def history(self, place: Place) -> History:
        have = self.store.count(place.chat.id)
        return History(
            place, self.writer, self.asking, self.line, pace=self.terms.pace, clock=self.clock, have=have
        )  # fmt: skip

    def media(self) -> Media | None:
        if self.terms.media is None:
            return None
        peers = {each.chat.id: each.peer for each in self.places}
        return Media(self.terms.media, self.store, self.writer, self.asking, self.line, peers, clock=self.clock)


async def _kept_up(terms: Terms, report: Report, work: Callable[[_Run], Any], clock: Clock, *, lasting: bool) -> None:
    """Do the work on a line, and on another one where it is lost."""
    store = await asyncio.to_thread(opened, terms.to)
    try:
        await asyncio.to_thread(store.claim)
        lost = 0
        while True:
            before = report.fetched, report.live
            try:
                async with _begun(terms, report, store, clock) as run:
                    await _guarded(run, work)
                return
            except (TelegramNetworkError, GatewayError) as error:
                if isinstance(error, NotGranted):
                    raise
                lost = 0 if (report.fetched, report.live) != before else lost + 1
                if lost >= _RETRIES and not lasting:
                    raise
                report.told(f"{error.message} Trying again.")
                await asyncio.sleep(min(0.2 * 2**lost, _LONGEST))
    finally:
        store.close()


@asynccontextmanager
async def _begun(terms: Terms, report: Report, store: Store, clock: Clock) -> AsyncIterator[_Run]:
    """A line that is connected, and a writer behind it."""
    writer = Writer(store, clock=clock, committed=report.take)
    channels = {each.id: each.pts for each in writer.chats.values() if each.pts and each.id < CHANNELS_BELOW}
    line = Line(
        terms.name, home=terms.home, network=terms.network, cursor=writer.cursor, channels=channels,
        hear=lambda news: writer.hear(news),
    )  # fmt: skip
    try:
        try:
            await line.client.connect()
        except Exception as error:
            raise named_here(error, clock) from error
        writer.self_id = line.self_id
        store.keep_for(line.self_id, terms.name)
        yield _Run(
            terms, report, store, writer, line, Asking(line.client, terms.pace, clock=clock, told=report.told), clock
        )
    finally:
        await line.close()


async def _guarded(run: _Run, work: Callable[[_Run], Any]) -> None:
    """The work, while news are written and the line is watched. Raises the first error of all these."""

    async def working() -> None:
        await work(run)
        await run.writer.drained()
        raise _Done

    try:
        async with asyncio.TaskGroup() as group:
            for task in (run.writer.run(), _watch_end(run), _keep_up(run), working()):
                group.create_task(task)
    except BaseExceptionGroup as errors:
        first = _first(errors)
        if isinstance(first, _Done):
            return
        if isinstance(first, Exception):
            raise named_here(first, run.clock) from first
        raise


def _first(error: BaseException) -> BaseException:
    """What went wrong first, out of a group of errors; what only ended the others counts last."""
    while isinstance(error, BaseExceptionGroup):
        error = min(error.exceptions, key=lambda each: isinstance(each, _Done))
    return error


class _Done(Exception):
    """All is done."""


async def _watch_end(run: _Run) -> None:
    error = await run.line.ended()
    raise named_here(error, run.clock) if error else TelegramNetworkError("The line to the daemon was lost.")


async def _keep_up(run: _Run) -> None:
    """Look now and then whether the gateway knows of more than was heard; if so, ask for it."""
    while True:
        await asyncio.sleep(_LOOK)
        with suppress(TelekeepError):
            await _caught_up(run, patience=_BEHIND)


async def _caught_up(run: _Run, *, patience: float) -> None:
    """Have heard all that the gateway knows of now."""
    known = await run.asking(functions.updates.GetStateRequest(), paced=False)
    for _ in range(1000):
        if run.line.cursor.pts >= known.pts:
            return
        if not await run.line.moved(patience) and run.line.cursor.pts < known.pts:
            await run.line.client.catch_up()


async def _found(terms: Terms, report: Report, finder: Finder) -> list[Place]:
    """The chats of this run. Raises NoChat if there is none of them."""
    places: dict[int, Place] = {}
    for typed in terms.chats:
        try:
            place = await finder.find(naming.read(typed))
        except TelekeepError as error:
            if not (isinstance(error, NoChat) or type(error) is TelekeepError):
                raise
            report.failed[typed] = error
            continue
        places[place.chat.id] = place
        report.chats[typed] = {
            "id": place.chat.id,
            "kind": place.chat.kind,
            "title": place.chat.title,
            "username": place.chat.username,
            "messages": place.total,
        }
    if not places:
        raise next(iter(report.failed.values()), NoChat("No chat is named."))
    return list(places.values())


async def _prepare(run: _Run, *, live: bool) -> None:
    """Find the chats, and begin to hear of them before anything of theirs is fetched."""
    finder = Finder(run.asking, run.writer.chats, run.line.self_id)
    run.places = await _found(run.terms, run.report, finder)
    channels = {each.chat.id: each.pts for each in run.places if each.chat.id < CHANNELS_BELOW}
    channels |= {each.id: each.pts for each in run.writer.chats.values() if each.pts is not None}
    for chat_id, pts in channels.items():
        if pts:
            run.line.follow(chat_id, pts, catch_up=True)
    cursor = run.line.cursor if run.writer.cursor is None else None
    chats = []
    for place in run.places:
        known = run.writer.chats.get(place.chat.id, place.chat)
        chat = place.chat._replace(progress=known.progress, pts=known.pts)
        if chat.id < CHANNELS_BELOW and chat.pts is None:  # where its updates stood is not known
            chat = chat._replace(progress=plan.after_hole(chat.progress), pts=place.pts)
        chats.append(chat)
    await run.writer.add(chats, cursor)
    if live:
        for place in run.places:
            if run.writer.progress(place.chat.id) == Progress():
                page = await run.asking(history(place.peer, limit=1))
                top = page.messages[0].id if page.messages else 0
                chat = run.writer.chats[place.chat.id]
                await run.writer.add([chat._replace(progress=plan.begun_live(chat.progress, top))])


async def _fetch(run: _Run, places: Sequence[Place], wish: Wish) -> None:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(place: Place) -> None:
        async with turns:
            history = run.history(place)
            reports.append(history)
            await history.run(wish)

    async def count() -> None:
        while True:
            run.report.left = {each.chat_id: each.left for each in reports}
            await asyncio.sleep(0.5)

    reports: list[History] = []
    counting = asyncio.create_task(count())
    try:
        async with asyncio.TaskGroup() as group:
            for place in places:
                group.create_task(one(place))
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    finally:
        counting.cancel()
        run.report.left = {each.chat_id: each.left for each in reports}


async def _historical(run: _Run) -> None:
    await _prepare(run, live=False)
    await _fetch_all(run, run.terms.wish)
    media = run.media()
    if media is not None:
        await media.fetch()
        run.report.files += media.fetched


async def _fetch_all(run: _Run, wish: Wish) -> None:
    """Everything that is due, and all that happened until then; again if something was missed meanwhile."""
    while True:
        run.writer.hole.clear()
        await _fetch(run, run.places, wish)
        await _caught_up(run, patience=_BEHIND)
        await _channels_caught_up(run)
        await run.writer.drained()
        if not run.writer.hole.is_set():
            return


async def _channels_caught_up(run: _Run) -> None:
    for place in run.places:
        if place.chat.id < CHANNELS_BELOW:
            asked = functions.messages.GetPeerDialogsRequest([types.InputDialogPeer(place.peer)])
            known = (await run.asking(asked)).dialogs
            pts = (known[0].pts if known else None) or 0
            for attempt in range(1, 31):
                if (run.line.channel_pts(place.chat.id) or pts) >= pts:
                    break
                await run.line.moved(_BEHIND)
                if attempt % 5 == 0:
                    run.line.follow(place.chat.id, pts, catch_up=True)


async def _monitor(run: _Run, stop: asyncio.Event) -> None:
    await _prepare(run, live=not run.terms.wish.history)
    run.report.is_live = True
    media = run.media()
    stopped = asyncio.create_task(stop.wait())
    mending = asyncio.create_task(_mend(run, media))
    try:
        await asyncio.wait([stopped, mending], return_when=asyncio.FIRST_COMPLETED)
        if mending.done():
            await mending
    finally:
        stopped.cancel()
        mending.cancel()
        await asyncio.gather(stopped, mending, return_exceptions=True)


async def _mend(run: _Run, media: Media | None) -> None:
    """Close holes, fetch history and files if they are wanted, for ever; where Telegram says "not before", later."""
    while True:
        try:
            await _fetch_all(run, run.terms.wish)
            if media is not None:
                fetched = media.fetched
                await media.fetch()
                run.report.files += media.fetched - fetched
        except TelegramRateLimitError as error:
            run.report.told(f"{error} What comes is kept meanwhile.")
            await asyncio.sleep(max(1.0, error.seconds))
            continue
        with suppress(TimeoutError):
            await asyncio.wait_for(run.writer.hole.wait(), None if media is None else _LOOK)
