"""What `telekeep archive` does with a session: fetch what was, go on with what comes, or only look whether it may."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from telekeep.clock import Clock, system_clock
from telekeep.errors import NoChat, TelegramRateLimitError, TelekeepError
from telekeep.keeper.deadline import SECONDS, patience, within
from telekeep.work.archive import naming, plan
from telekeep.work.archive.asking import Asking, named_here
from telekeep.work.archive.finding import Finder, Place, history
from telekeep.work.archive.history import History
from telekeep.work.archive.line import Line
from telekeep.work.archive.media import Media
from telekeep.work.archive.plan import Wish
from telekeep.work.archive.rows import CHANNELS_BELOW, Progress
from telekeep.work.archive.run import BEHIND, Run, caught_up, channels_caught_up, first_of, kept_up
from telekeep.work.archive.terms import Report, Terms

_AT_ONCE = 3  # chats whose history is fetched at the same time
_FILES = 2.0  # seconds between two looks for files that are wanted


async def historical(terms: Terms, report: Report, *, clock: Clock | None = None) -> None:
    """Fetch the history of chats from where it stopped, and whatever happens in the archive's chats meanwhile.

    Raises NoChat if none of the chats is there, TelegramRateLimitError for a long wait or a budget that is spent, and
    what the daemon, the store and the line say.
    """
    await kept_up(terms, report, _historical, clock or system_clock(), lasting=False)


async def monitor(terms: Terms, report: Report, stop: asyncio.Event, *, clock: Clock | None = None) -> None:
    """Catch up on what came while nobody looked, and go on with what comes, until ``stop`` is set. Errors as
    `historical`; a lost line or daemon is waited for, and long waits do not end it.
    """

    async def work(run: Run) -> None:
        await _monitor(run, stop)

    await kept_up(terms, report, work, clock or system_clock(), lasting=True)


async def test(terms: Terms, report: Report, *, clock: Clock | None = None, timeout: float = SECONDS) -> None:
    """Look whether the chats may be read: the newest message of each is asked for, none is kept.

    At most ``timeout`` seconds in all, after which TelegramNetworkError is raised; other errors as above.
    """
    async with within(timeout):
        await _test(terms, report, clock or system_clock(), timeout)


async def _test(terms: Terms, report: Report, clock: Clock, seconds: float) -> None:
    pace = replace(terms.pace, patience=patience(terms.pace.patience, seconds))
    line = Line(terms.name, home=terms.home, network=terms.network)
    try:
        await line.client.connect()
        asking = Asking(line.client, pace, clock=clock, told=report.told)
        await _found(terms, report, Finder(asking, {}, line.self_id))
    except Exception as error:
        raise named_here(error, clock) from error
    finally:
        await line.close()


# ---- inside


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


async def _prepare(run: Run, *, live: bool) -> None:
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


async def _fetch(run: Run, places: Sequence[Place], wish: Wish) -> None:
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
        raise first_of(errors) from None
    finally:
        counting.cancel()
        run.report.left = {each.chat_id: each.left for each in reports}


async def _historical(run: Run) -> None:
    await _prepare(run, live=False)
    await _fetch_all(run, run.terms.wish)
    media = run.media()
    if media is not None:
        await media.fetch()
        run.report.files += media.fetched


async def _fetch_all(run: Run, wish: Wish) -> None:
    """Everything that is due, and all that happened until then; again if something was missed meanwhile."""
    while True:
        run.writer.hole.clear()
        await _fetch(run, run.places, wish)
        await caught_up(run, patience=BEHIND)
        await channels_caught_up(run)
        await run.writer.drained()
        if not run.writer.hole.is_set():
            return


async def _monitor(run: Run, stop: asyncio.Event) -> None:
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


async def _mend(run: Run, media: Media | None) -> None:
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
            await asyncio.wait_for(run.writer.hole.wait(), None if media is None else _FILES)
