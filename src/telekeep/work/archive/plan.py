"""What to fetch next of a chat's history, and what a page or a hole means for it. Pure.

A pass goes from its position downwards. The first one begins at the top and ends at the first message; it may stop
anywhere and goes on later. Where updates were lost (a hole), another pass begins at the top and ends at the floor, to
which the one before had come: on its way it shows what is new, edited and deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telekeep.work.archive.rows import TOP, Message, Progress, Put, Span

PAGE = 100
"""Messages that Telegram gives at once (core.telegram.org/api/offsets)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How far back a run wants to go. ``history``: whether below what is there already; ``limit``: at most so many
    messages of each chat, ``since``: none from before (Unix seconds).
    """

    history: bool = True
    limit: int | None = None
    since: int | None = None


def sweeping(progress: Progress) -> bool:
    """Whether a pass is under way over what was seen before."""
    return progress.position != progress.floor


def is_due(progress: Progress, wish: Wish, fetched: int = 0) -> bool:
    """Whether a page is to be fetched, after ``fetched`` messages of this run. A hole counts for no limit."""
    if sweeping(progress):
        return True
    return wish.history and not progress.whole and (wish.limit is None or fetched < wish.limit)


def begun_live(progress: Progress, top: int) -> Progress:
    """A chat of which nothing is wanted but what comes after message ``top``."""
    return Progress(top + 1, top + 1, top == 0) if progress == Progress() else progress


def after_hole(progress: Progress) -> Progress:
    """Something was missed: all that was seen has to be looked at again."""
    return progress if progress == Progress() else progress._replace(position=TOP)


def after_page(progress: Progress, low: int | None) -> Progress:
    """A page was committed whose lowest id is ``low``; None: there is nothing below the position."""
    if low is None:
        return Progress(0, 0, True)
    floor = min(progress.floor, low)
    return Progress(low if low > floor else floor, floor, progress.whole)


def told_by(
    chat_id: int, progress: Progress, shown: Sequence[Message], *, wish: Wish, room: int | None, spared: frozenset[int]
) -> tuple[list[Put | Span], Progress, int]:
    """What a page below ``progress.position`` says: changes, the progress after it, and how many messages count.

    ``shown``: newest first, what Telegram showed. ``room``: how many more the run's limit leaves, None for any number.
    ``spared``: ids of which something was heard while the page was on its way: the page is older.
    """
    kept = list(shown)
    over = sweeping(progress)
    if not over:
        if wish.since is not None:
            kept = [each for each in kept if each.date >= wish.since]
        if room is not None:
            kept = kept[:room]
    cut = len(kept) < len(shown)
    high = progress.position - 1
    if not kept:
        if cut:  # all that is left is too old
            return [], progress, 0
        span = Span(chat_id, 0, high, frozenset(), spared)
        return [span], after_page(progress, None), 0
    low = kept[-1].id
    if over and not wish.history and low < progress.floor:  # what was never wanted is left where it is
        kept, low = [each for each in kept if each.id >= progress.floor], progress.floor
    put = Put([each for each in kept if each.id not in spared], shown=True)
    span = Span(chat_id, low, high, frozenset(each.id for each in kept), spared)
    return [span, put], after_page(progress, low), len(kept)


def is_over(shown: Sequence[Message], wish: Wish, progress: Progress) -> bool:
    """Whether a page goes back further than the run wants to."""
    if sweeping(progress) or wish.since is None or not shown:
        return False
    return shown[-1].date < wish.since
