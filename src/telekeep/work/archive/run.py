"""One run of the archive: a line that is connected, a writer behind it, both looked after until the work is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from telekeep.clock import Clock
from telekeep.errors import GatewayError, NotGranted, TelegramNetworkError, TelekeepError
from telekeep.mtproto.schema import functions, types
from telekeep.work.archive.asking import Asking, named_here
from telekeep.work.archive.finding import Place
from telekeep.work.archive.history import History
from telekeep.work.archive.line import Line
from telekeep.work.archive.media import Media
from telekeep.work.archive.rows import CHANNELS_BELOW
from telekeep.work.archive.stores.place import opened
from telekeep.work.archive.stores.store import Store
from telekeep.work.archive.terms import Report, Terms
from telekeep.work.archive.writer import Writer

_LOOK = 2.0  # seconds between two looks whether anything was missed
BEHIND = 0.5  # seconds in which what the gateway knows has to be heard
_RETRIES = 5  # in a row without anything committed in between
_LONGEST = 30.0  # seconds between two of them


@dataclass(slots=True)
class Run:
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


async def kept_up(terms: Terms, report: Report, work: Callable[[Run], Any], clock: Clock, *, lasting: bool) -> None:
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
async def _begun(terms: Terms, report: Report, store: Store, clock: Clock) -> AsyncIterator[Run]:
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
        yield Run(
            terms, report, store, writer, line, Asking(line.client, terms.pace, clock=clock, told=report.told), clock
        )
    finally:
        await line.close()


async def _guarded(run: Run, work: Callable[[Run], Any]) -> None:
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
        first = first_of(errors)
        if isinstance(first, _Done):
            return
        if isinstance(first, Exception):
            raise named_here(first, run.clock) from first
        raise


def first_of(error: BaseException) -> BaseException:
    """What went wrong first, out of a group of errors; what only ended the others counts last."""
    while isinstance(error, BaseExceptionGroup):
        error = min(error.exceptions, key=lambda each: isinstance(each, _Done))
    return error


class _Done(Exception):
    """All is done."""


async def _watch_end(run: Run) -> None:
    error = await run.line.ended()
    raise named_here(error, run.clock) if error else TelegramNetworkError("The line to the daemon was lost.")


async def _keep_up(run: Run) -> None:
    """Look now and then whether the gateway knows of more than was heard; if so, ask for it."""
    while True:
        await asyncio.sleep(_LOOK)
        with suppress(TelekeepError):
            await caught_up(run, patience=BEHIND)


async def caught_up(run: Run, *, patience: float) -> None:
    """Have heard all that the gateway knows of now."""
    known = await run.asking(functions.updates.GetStateRequest(), paced=False)
    for _ in range(1000):
        if run.line.cursor.pts >= known.pts:
            return
        if not await run.line.moved(patience) and run.line.cursor.pts < known.pts:
            await run.line.client.catch_up()


async def channels_caught_up(run: Run) -> None:
    for place in run.places:
        if place.chat.id < CHANNELS_BELOW:
            asked = functions.messages.GetPeerDialogsRequest([types.InputDialogPeer(place.peer)])
            known = (await run.asking(asked)).dialogs
            pts = (known[0].pts if known else None) or 0
            for attempt in range(1, 31):
                if (run.line.channel_pts(place.chat.id) or pts) >= pts:
                    break
                await run.line.moved(BEHIND)
                if attempt % 5 == 0:
                    run.line.follow(place.chat.id, pts, catch_up=True)
