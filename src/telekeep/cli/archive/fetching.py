"""``telekeep archive historical``, ``monitor`` and ``test``."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.archive.chats import WithChats, chats_argument, fetching_options
from telekeep.cli.archive.showing import ended, shown
from telekeep.cli.arguments import NAME
from telekeep.cli.command import Invocation, Usage, command
from telekeep.cli.options import TIMEOUT
from telekeep.cli.output import style
from telekeep.errors import TelekeepError

if TYPE_CHECKING:
    from telekeep.work.archive.terms import Report, Terms

_CHATS = "Name one or more: @username, a link, a title, or a marked id such as -1001234567890."


@command(
    cls=WithChats,
    epilog="Examples: telekeep archive historical main @news --to news.db\n"
    "          telekeep archive historical main @news 'My group' -1001234567890 --limit 5000 --media files\n"
    "          telekeep archive historical main @news --to postgresql://archive@localhost/messages",
)
@click.argument("name", type=NAME)
@chats_argument
@fetching_options
def historical(invocation: Invocation, name: str, chats: tuple[str, ...], **options: Any) -> int:
    """Fetch the messages of chats, from where it stopped the last time, newest first.

    CHAT: a user name, a link, a title, or a marked id (a negative one needs no -- before it). A database's password
    comes from PGPASSWORD or ~/.pgpass. What happens in the archive's chats meanwhile is kept too. A short flood wait is
    waited out; a long one, or a day's --budget that is spent, ends with exit code 4.
    """
    from telekeep.work.archive import verbs

    async def work(terms: Terms, report: Report, stop: asyncio.Event) -> bool:
        working = asyncio.ensure_future(verbs.historical(terms, report))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            await working
            return False
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return True

    return _run(invocation, name, chats, work, history=True, **options)


@command(
    cls=WithChats,
    epilog="Examples: telekeep archive monitor main @news --to news.db\n"
    "          telekeep archive monitor main @news --history --budget 50000",
)
@click.argument("name", type=NAME)
@chats_argument
@click.option("--history", is_flag=True, help="Fetch what was written before, too.")
@fetching_options
def monitor(invocation: Invocation, name: str, chats: tuple[str, ...], history: bool, **options: Any) -> int:
    """Keep what comes in chats, until it is stopped, and first of all what came since the archive was last at work.

    An archive is kept up to date as a whole: in all its chats, whichever are named. A daemon that dies, a renewal, a
    flood wait and a lost line are waited for; what was missed is fetched.
    """
    from telekeep.work.archive import verbs

    async def work(terms: Terms, report: Report, stop: asyncio.Event) -> bool:
        await verbs.monitor(terms, report, stop)
        return False

    return _run(invocation, name, chats, work, history=history, **options)


@command(cls=WithChats, epilog="Example: telekeep archive test main @news -1001234567890")
@click.argument("name", type=NAME)
@chats_argument
@TIMEOUT
def test(invocation: Invocation, name: str, chats: tuple[str, ...], timeout: float) -> int:
    """Look whether chats may be read. Nothing is kept."""
    from telekeep.work.archive import verbs
    from telekeep.work.archive.terms import Report, Terms

    _check(chats)
    report, error = Report(told=invocation.out.note), None
    terms = Terms(name, chats, "", home=invocation.home, network=invocation.network)
    with invocation.out.progress("Asking Telegram"):
        try:
            asyncio.run(verbs.test(terms, report, timeout=timeout))
        except TelekeepError as found:
            error = found
    if error is None and not (invocation.json or invocation.quiet):
        for typed, each in report.chats.items():
            words = f"{each['kind']} {each['title']!r} ({each['id']}), {each['messages']:,} messages"
            invocation.out.words(f"{style('✓', 'good')} {typed}: {words}")
        quiet = invocation._replace(quiet=True)
        return ended(quiet, name, "", report, None, stopped=False)
    return ended(invocation, name, "", report, error, stopped=False)


_Work = Callable[["Terms", "Report", asyncio.Event], Coroutine[Any, Any, bool]]


def _check(chats: tuple[str, ...]) -> None:
    if not chats:
        raise Usage("Which chats?", remedy=_CHATS)


def _run(
    invocation: Invocation,
    name: str,
    chats: tuple[str, ...],
    work: _Work,
    *,
    history: bool,
    place: str,
    limit: int | None,
    since: int | None,
    media: Path | None,
    interval: float,
    budget: int | None,
) -> int:
    from telekeep.settings import read
    from telekeep.work.archive.pacing import Pace
    from telekeep.work.archive.plan import Wish
    from telekeep.work.archive.terms import Report, Terms

    _check(chats)
    pace = Pace(interval, budget, read().flood_seconds)
    wish = Wish(history, limit, since)
    terms = Terms(name, chats, place, wish, pace, media, invocation.home, invocation.network)
    report = Report(told=invocation.out.note)
    error, stopped = None, False
    try:
        stopped = asyncio.run(_told(invocation, terms, report, work))
    except TelekeepError as found:
        error = found
    return ended(invocation, name, place, report, error, stopped=stopped)


async def _told(invocation: Invocation, terms: Terms, report: Report, work: _Work) -> bool:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    showing = asyncio.create_task(shown(invocation, report))
    try:
        return await work(terms, report, stop)
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
